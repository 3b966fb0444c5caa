"""What can be asked of an export."""

from dataclasses import dataclass
from pathlib import Path

from esrgan_tf.errors import InputError, check_one_of
from esrgan_tf.formats.graphs import PRECISIONS
from esrgan_tf.formats.saved_model.servable import MAX_PIXELS, TILE
from esrgan_tf.formats.tflite.converter import KINDS

FORMATS = ("saved_model", "tflite", "onnx")
LEAST_TILE = 16  # px of a LiteRT file
TILED_SIDE = TILE + 44  # px of an image that a SavedModel cuts
LEAST_PIXELS = TILED_SIDE**2  # that a SavedModel must take, to be proven


@dataclass(frozen=True)
class ExportOptions:
    """What to export.

    Args:
        output: folder of the artifacts.
        formats: of `FORMATS`.
        name: of the artifacts; `None` takes the generator's.
        version: of the SavedModel; `None` takes the next free one.
        precision: of the SavedModel's arithmetic, of `PRECISIONS`.
        kinds: of LiteRT files, of `tflite.KINDS`.
        tiles: px, input sizes of LiteRT files.
        allow_select_ops: see `tflite.convert`.
        max_pixels: batch x height x width of what the SavedModel takes in one request.
        calibration: data source whose images calibrate int8, and whose held-out images prove everything.
        max_psnr_drop: dB, in place of the proof's own limits.
        licence: of the weights.
        source: where they come from.

    Raises:
        InputError: a field is none of these.
    """

    output: Path
    formats: tuple[str, ...] = ("saved_model",)
    name: str | None = None
    version: int | None = None
    precision: str = "float32"
    kinds: tuple[str, ...] = ("float32", "int8")
    tiles: tuple[int, ...] = (128,)
    allow_select_ops: bool = False
    max_pixels: int = MAX_PIXELS
    calibration: str = "sample"
    max_psnr_drop: float | None = None
    licence: str = "not stated"
    source: str = ""

    def __post_init__(self) -> None:
        """Raise for what cannot be exported."""
        check_one_of("precision", self.precision, PRECISIONS)
        for argument, values, allowed in (("format", self.formats, FORMATS), ("tflite", self.kinds, KINDS)):
            for value in values:
                check_one_of(argument, value, allowed)
            if not values:
                raise InputError(f"`{argument}` must name at least one of {', '.join(allowed)}.")
        if not self.tiles or min(self.tiles) < LEAST_TILE:
            raise InputError(f"`tile` must be {LEAST_TILE} px or more. Received: {', '.join(map(str, self.tiles))}.")
        if self.max_pixels < LEAST_PIXELS:
            raise InputError(f"`max_pixels` must be {LEAST_PIXELS} or more. Received: {self.max_pixels}.")
        if self.name is not None and not self.name.replace("_", "").replace("-", "").replace(".", "").isalnum():
            raise InputError(f"`name` must be letters, digits, `_`, `-` and `.`. Received: {self.name}.")
