"""One export: artifacts are written aside, verified, and put in place together, or not at all."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import tensorflow as tf

import esrgan_tf
from esrgan_tf.errors import InputError
from esrgan_tf.export import parity
from esrgan_tf.export.deployment import write_request
from esrgan_tf.export.examples import CROP_SIDE, load_examples
from esrgan_tf.export.options import ExportOptions
from esrgan_tf.export.patterns import pattern_examples
from esrgan_tf.export.report import Row, write_report
from esrgan_tf.export.staging import staged
from esrgan_tf.formats.examples import Example
from esrgan_tf.formats.format import Artifact, Format, WriteRequest
from esrgan_tf.formats.keras_file.runtime import keras_network
from esrgan_tf.formats.registry import open_network, writable_format
from esrgan_tf.log import Log, ignore_line
from esrgan_tf.metadata import GeneratorMetadata
from esrgan_tf.models.interpolation import interpolate, interpolated_weights


def export_generators(generators: Sequence[keras.Model], options: ExportOptions, log: Log = ignore_line) -> str:
    """Export a generator, or two between which the callers of what is exported choose.

    Args:
        generators: one; or psnr and gan, for formats that hold two.
        options: what to export.
        log: takes lines about the progress.

    Returns:
        The report's table.

    Raises:
        InputError: an artifact cannot be made, or differs too much from the Keras model: then nothing is in place.
        OSError: the system refuses to write; nothing is in place then either.
    """
    formats = [writable_format(name) for name in options.formats]
    if len(generators) > 1:
        _check_two(generators, formats)
    named = {"name": options.name, "licence": options.licence, "source": options.source or None}
    described = {field: value for field, value in named.items() if value is not None}
    request = write_request(generators, options, options.output, log, **described)
    metadata = request.metadata
    for format in formats:
        if format.check:
            format.check(request)
    calibration, held_out = _examples(options, metadata, any(format.calibrates(options) for format in formats), log)
    with staged(options.output) as stage:
        request = replace(request, folder=stage, calibration=calibration, held_out=held_out)
        verifier = _Verifier(request, keras_network(request.generators[-1]).run)
        rows = [row for format in formats for artifact in format.write(request) for row in verifier.rows(artifact)]
        facts = {
            "source": metadata.source,
            "licence": metadata.licence,
            "data": f"{options.calibration}, held out, and generated images",
            "versions": f"esrgan_tf {esrgan_tf.__version__}, tensorflow {tf.__version__}, keras {keras.__version__}",
        }
        return write_report(stage, options.output, rows, facts)


def _check_two(generators: Sequence[keras.Model], formats: Sequence[Format]) -> None:
    """Raise for two generators that are not of one network, or formats that hold but one."""
    of_one = [format.name for format in formats if not format.holds_two]
    if of_one:
        raise InputError(
            f"`alpha` must fix the network between two models for files that hold one ({', '.join(of_one)}): give it."
        )
    interpolated_weights(*generators, 0.0)


def _examples(
    options: ExportOptions, metadata: GeneratorMetadata, calibrates: bool, log: Log
) -> tuple[list[Example], list[Example]]:
    """Images to calibrate on, none where no format needs them; and others to verify on."""
    small = CROP_SIDE // metadata.lr_multiple * metadata.lr_multiple
    calibration, held_out = load_examples(options.calibration, metadata, small if calibrates else None, log)
    calibration += pattern_examples(metadata.scale, small, seed=0) if calibration else []
    held_out += pattern_examples(metadata.scale, max(small, *held_out[0].lr_01.shape[:2]), seed=1)
    return calibration, held_out


@dataclass(frozen=True)
class _Verifier:
    """Verifies artifacts against the Keras model, and makes the report's rows of them."""

    request: WriteRequest
    keras_run: parity.Run

    def rows(self, artifact: Artifact) -> Iterator[Row]:
        """A row for each alpha; one that differs too much is written anew if its format can do better.

        Raises:
            InputError: it differs too much.
        """
        try:
            yield from [self._row(artifact, alpha) for alpha in artifact.alphas]
        except parity.LimitExceeded as exceeded:
            if artifact.rewrite is None:
                raise
            self.request.log(f"{exceeded.reason}: once more, with more of it in float")
            yield from self.rows(artifact.rewrite())

    def _row(self, artifact: Artifact, alpha: float | None) -> Row:
        """Open what was written and compare it."""
        keras_run = self.keras_run
        if alpha is not None:
            keras_run = keras_network(interpolate(*self.request.generators, alpha)).run
        held_out, precision = self.request.held_out, artifact.metadata.precision
        network = open_network([artifact.path], alpha)
        found = parity.compare(network, keras_run, held_out, integers=precision == "int8")
        name = str(artifact.path.relative_to(self.request.folder))
        parity.check(found, name, precision == "float32", self.request.options.max_psnr_drop)
        timed = held_out[0].fitted(found.timed).lr_01
        size = sum(map(_size, (artifact.path, *artifact.parts)))
        at = "" if alpha is None else f", alpha {alpha:g}"
        self.request.log(f"{name}{at}: {size / 2**20:.1f} MiB, PSNR {found.psnr_change:+.3f} dB, {found.seconds:.3f} s")
        seconds = parity.time_of(keras_run, timed)
        return Row(name, precision, size, found, seconds, artifact.xnnpack, artifact.in_float, alpha)


def _size(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files)
