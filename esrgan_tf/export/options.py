"""What can be asked of an export."""

from dataclasses import dataclass
from pathlib import Path

from esrgan_tf.errors import InputError
from esrgan_tf.formats.format import WriteOptions
from esrgan_tf.formats.registry import writable_format, writable_formats


@dataclass(frozen=True, kw_only=True)
class ExportOptions(WriteOptions):
    """What to export; what its formats' writers read is in `WriteOptions`.

    Args:
        output: folder of the artifacts.
        formats: names of registered formats.
        name: of the artifacts; `None` takes the generator's.
        calibration: data source whose images calibrate int8, and whose held-out images verify everything.
        licence: of the weights; `None` takes the generator's.
        source: where they come from; empty takes the generator's.

    Raises:
        InputError: a field is none of these.
    """

    output: str | Path
    formats: tuple[str, ...] = ("saved_model",)
    name: str | None = None
    calibration: str = "sample"
    licence: str | None = None
    source: str = ""

    def __post_init__(self) -> None:
        """Make a path of `output`, and raise for what cannot be exported."""
        object.__setattr__(self, "output", Path(self.output))
        for format in self.formats:
            writable_format(format)
        if not self.formats:
            raise InputError(f"`format` must name at least one of {', '.join(f.name for f in writable_formats())}.")
        if self.name is not None and not self.name.replace("_", "").replace("-", "").replace(".", "").isalnum():
            raise InputError(f"`name` must be letters, digits, `_`, `-` and `.`. Received: {self.name}.")
