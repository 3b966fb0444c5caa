"""Opens a generator by an engine: from the cache, or compiled, verified and kept."""

import atexit
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from esrgan_tf.errors import InputError, first_line
from esrgan_tf.formats.network import Network
from esrgan_tf.formats.registry import find_file, format_of, load_interpolated, open_network, origin_of
from esrgan_tf.inference.engines import cache
from esrgan_tf.inference.engines.cache import CompiledEngine
from esrgan_tf.inference.engines.choice import AUTO, ENGINES, KERAS, LITERT, choose
from esrgan_tf.log import Log, ignore_line

if TYPE_CHECKING:
    import keras

# `auto` compiles where that takes less time than it saves. Both are rough: the share of the time that an engine saves,
# and the seconds that a member of the zoo spares by its own file: TensorFlow's import, and compiling a small network.
SAVED_SHARE, READY_SECONDS = 0.4, 10.0


def open_engine(
    models: Sequence[str | Path],
    alpha: float | None = None,
    engine: str = AUTO,
    precision: str = AUTO,
    pixels: int | None = None,
    cached: bool = True,
    log: Log = ignore_line,
) -> Network:
    """Open a generator by the fastest engine, or by one that is named.

    On first use it is compiled, verified against Keras, and kept in the cache. Where it changes the Y-PSNR of check
    images by more than 0.05 dB (int8: 0.1 dB), or what `auto` chose cannot be compiled, Keras runs instead. A file
    that was exported is run by its own runtime; a member of the zoo that nothing is compiled for, by its LiteRT file.

    Args:
        models: as of `open_network`.
        alpha: as of `open_network`.
        engine: one of `choice.NAMES`.
        precision: one of `choice.PRECISIONS`.
        pixels: of all input images together, by which `auto` decides whether compiling pays; `None`: it does, as
            it does for int8.
        cached: whether the cache is read and written; else an engine lasts as long as the process.
        log: takes lines about what is compiled, and why Keras runs instead.

    Raises:
        InputError: as `open_network` and `choose`, or a package of an engine that is named is missing.
    """
    if not format_of(models[0]).load:
        if (engine, precision) != (AUTO, AUTO):
            raise InputError(
                f"`engine` and `precision` must be left out for a file that was exported. Received: {models[0]}."
            )
        return open_network(models, alpha)
    name, kind = choose(engine, precision)
    may_be_ready = _may_be_ready(engine, name, kind)
    if may_be_ready and name in (KERAS, LITERT) and (ready := _ready(models)):
        return ready
    if name == KERAS:
        return open_network(models, alpha)
    files = [find_file(model) for model in models]
    key = cache.engine_key(files, alpha, name, kind, ENGINES[name].packages)
    if cached and (found := cache.find(key)):
        try:
            return _open(found, models, log) or open_network(models, alpha)
        except InputError as error:
            log(f"the engine is compiled anew: {error}")
            cache.remove(key)
    ready = _ready(models) if may_be_ready else None
    if ready and not _pays(ready, pixels, READY_SECONDS):
        return ready
    generator = load_interpolated(models, alpha)
    by_keras = _by_keras(generator, origin_of(models))
    seconds = ENGINES[name].layer_seconds * len(generator.layers)
    if engine == AUTO and kind != "int8" and not ready and not _pays(by_keras, pixels, seconds):
        return by_keras
    log(f"compiling for {ENGINES[name].title}, {kind}{', once' if cached else ''}")
    start = time.monotonic()
    compile_into = partial(_compile, generator, by_keras, name, kind)
    try:
        compiled = _kept(key, compile_into, log) if cached else compile_into(_temporary_folder())
    except Exception as error:  # converters raise what they like; what `auto` has chosen may not be worse than Keras
        if engine != AUTO:
            raise
        log(f"not by {ENGINES[name].title}, {kind}: {first_line(error)}")
        return by_keras
    log(f"compiled and verified in {time.monotonic() - start:.1f} s")
    return _open(compiled, models, log) or by_keras


def _may_be_ready(engine: str, chosen: str, precision: str) -> bool:
    """Whether a generator's own file may stand in for the engine: unless another one was named."""
    return precision != "int8" and (engine == AUTO or chosen == LITERT)


def _ready(models: Sequence[str | Path]) -> Network | None:
    """One generator by its own file, run as it is; `None` where that needs Keras."""
    ready = format_of(models[0]).ready if len(models) == 1 else None
    if not ready:
        return None
    return _named(ready(Path(models[0])), models, ENGINES[LITERT].title)


def _open(compiled: CompiledEngine, models: Sequence[str | Path], log: Log) -> Network | None:
    """Open a compiled engine; `None` for one that was refused."""
    title = f"{ENGINES[compiled.engine].title}, {compiled.precision}"
    if compiled.refused:
        log(f"not by {title}: {compiled.refused}")
        return None
    return _named(open_network([compiled.path]), models, title)


def _named(network: Network, models: Sequence[str | Path], engine: str) -> Network:
    """A network whose origin is the generator, not the file that was made of it for an engine."""
    return replace(network, origin=f"{origin_of(models)} by {engine}", engine=engine)


def _by_keras(generator: "keras.Model", origin: str) -> Network:
    """The generator run by Keras."""
    from esrgan_tf.formats.keras_file.runtime import keras_network

    return keras_network(generator, origin)


def _pays(network: Network, pixels: int | None, seconds: float) -> bool:
    """Whether compiling takes less time than it saves on so many pixels, and the engine can be verified.

    Args:
        network: that the engine would replace.
        pixels: of all input images together; `None`: as many as make it pay.
        seconds: that taking the engine costs.
    """
    if pixels is None:
        return True
    from esrgan_tf.export.parity import time_of
    from esrgan_tf.inference.engines.checks import check_images

    try:
        image = check_images(network.metadata)[0].lr_01
    except InputError:  # the sample cannot be read here
        return False
    a_pixel = time_of(network.run, image, runs=1) / (image.shape[0] * image.shape[1])
    return SAVED_SHARE * a_pixel * pixels > seconds


def _compile(generator: "keras.Model", by_keras: Network, name: str, precision: str, folder: Path) -> CompiledEngine:
    """Write a generator for an engine into a folder, and verify it."""
    from esrgan_tf.export.deployment import write_request
    from esrgan_tf.formats.format import WriteOptions
    from esrgan_tf.formats.registry import writable_format
    from esrgan_tf.formats.tflite import ANY_SIZE
    from esrgan_tf.inference.engines.checks import calibration_images, refusal

    format = writable_format(ENGINES[name].format)
    tiles = WriteOptions.tiles if precision == "int8" else (ANY_SIZE,)
    options = WriteOptions(precision=precision, kinds=(precision,), tiles=tiles)
    request = write_request([generator], options, folder)
    if format.check:
        format.check(request)
    if format.calibrates(options):
        request = replace(request, calibration=calibration_images(request.metadata))
    (artifact,) = format.write(request)
    refused = refusal(open_network([artifact.path]), by_keras.run, precision)
    return CompiledEngine(artifact.path, request.metadata.name, name, precision, refused)


def _kept(key: str, compile_into: Callable[[Path], CompiledEngine], log: Log) -> CompiledEngine:
    """Compile into the cache, or where it cannot be written, into a folder that goes with the process."""
    try:
        return cache.keep(key, compile_into)
    except OSError as error:
        log(f"the cache cannot be written, the engine is not kept: {error.filename}: {error.strerror}")
        return compile_into(_temporary_folder())


def _temporary_folder() -> Path:
    """A folder that goes with the process."""
    folder = tempfile.mkdtemp(prefix="esrgan-engine-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
