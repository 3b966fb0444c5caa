"""What a file format is: how its files are recognised, opened, described, and written."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from esrgan_tf.log import Log, ignore_line
from esrgan_tf.metadata import GeneratorMetadata

if TYPE_CHECKING:
    import keras

    from esrgan_tf.formats.examples import Example
    from esrgan_tf.formats.network import Network


@dataclass(frozen=True, kw_only=True)
class WriteOptions:
    """What may be asked of a writer; each format checks and reads the fields that it names in `Format.options`.

    Args:
        version: of a SavedModel; `None` takes the next free one.
        precision: of the arithmetic, "float32" or "bfloat16", or of an OpenVINO file "int8".
        max_pixels: batch x height x width of what a SavedModel takes in one request; `None` takes 2^22.
        kinds: of LiteRT files: "float32", "float16", "dynamic", "int8".
        tiles: px, input sizes of LiteRT files.
        litert_js: folder `node_modules` with LiteRT.js, of sites; `None` loads it from public servers.
        allow_select_ops: let LiteRT files use TensorFlow's operators for what LiteRT lacks.
        max_psnr_drop: dB that a file may change the Y-PSNR by, in place of 0.1.
    """

    version: int | None = None
    precision: str = "float32"
    max_pixels: int | None = None
    kinds: tuple[str, ...] = ("float32", "int8")
    tiles: tuple[int, ...] = (128,)
    litert_js: "str | Path | None" = None
    allow_select_ops: bool = False
    max_psnr_drop: float | None = None


@dataclass(frozen=True)
class WriteRequest:
    """What a writer is given.

    Args:
        generators: in float32, as they were trained: one; or two, psnr and gan, between which every call chooses.
        deployed: the same functions as they are to run: branches fused, upsampling merged.
        metadata: of what is written; the writer replaces the fields that its format decides, such as `tile`.
        options: see there.
        folder: to write into.
        output: where `folder`'s content will lie in the end, with what earlier exports left there.
        calibration: images to quantize by; empty unless the format's `calibrates` asks for them.
        held_out: images that nothing is calibrated on; where there are none, a writer compares nothing itself.
        log: takes a line about the progress.
    """

    generators: Sequence["keras.Model"]
    deployed: Sequence["keras.Model"]
    metadata: GeneratorMetadata
    options: WriteOptions
    folder: Path
    output: Path
    calibration: Sequence["Example"] = ()
    held_out: Sequence["Example"] = ()
    log: Log = ignore_line


@dataclass(frozen=True)
class Artifact:
    """A file or a folder that was written.

    Args:
        path: inside `WriteRequest.folder`.
        metadata: as it was written into it.
        alphas: between two generators, where it is to be verified.
        rewrite: writes it anew with more quality, for one that fails its verification; `None`: it cannot.
        xnnpack: share of a LiteRT file's operators that XNNPACK takes, 0 to 1.
        in_float: groups of operators that int8 left in float.
        parts: further files that belong to it.
    """

    path: Path
    metadata: GeneratorMetadata
    alphas: tuple[float | None, ...] = (None,)
    rewrite: Callable[[], "Artifact"] | None = None
    xnnpack: float | None = None
    in_float: tuple[str, ...] = ()
    parts: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Format:
    """A file format of generators; what it cannot do is `None`.

    Its functions import what they need when they are called: a format whose package is missing, or takes seconds to
    load, is in nobody's way.

    Args:
        name: as `format` names it.
        title: of one of its files, for messages: "a .tflite file".
        suffixes: of its files, lower case, with their dots; none where `recognises` goes by something else.
        recognises: (path) whether it is one of its files, where the suffix does not tell.
        locate: (path, argument for messages) -> the file that `load` reads; where it is `None`, the path itself.
        load: (path, argument for messages) -> Keras model with its metadata, for files that hold a whole generator:
            such can also be interpolated, exported, and trained further.
        ready: (path) -> network of what `load` reads, run without Keras.
        open: (path, alpha) -> network; where it is `None`, Keras runs what `load` gives. `alpha` is `None` unless
            `holds_two`.
        describe: (path) -> field -> value, all of the metadata and perhaps more; where it is `None`, the file is
            opened.
        write: (request) -> each artifact, once it is written.
        check: (request) raises InputError for what `write` could not do, before anything is computed.
        options: flags of `esrgan export` that only this format has a use for.
        calibrates: (options) whether `write` needs images to quantize by.
        holds_two: whether a file may hold two generators, psnr and gan, between which every call chooses by `alpha`.
    """

    name: str
    title: str
    suffixes: tuple[str, ...] = ()
    recognises: Callable[[Path], bool] | None = None
    locate: Callable[[Path, str], Path] | None = None
    load: Callable[[Path, str], "keras.Model"] | None = None
    ready: Callable[[Path], "Network"] | None = None
    open: Callable[[Path, float | None], "Network"] | None = None
    describe: Callable[[Path], dict[str, object]] | None = None
    write: Callable[[WriteRequest], Iterator[Artifact]] | None = None
    check: Callable[[WriteRequest], None] | None = None
    options: tuple[str, ...] = ()
    calibrates: Callable[[WriteOptions], bool] = field(default=lambda options: False)
    holds_two: bool = False

    def is_of(self, path: str | Path) -> bool:
        """Whether a path is a file of this format: by its suffix, or as `recognises` finds."""
        path = Path(path)
        return path.suffix.lower() in self.suffixes or bool(self.recognises and self.recognises(path))
