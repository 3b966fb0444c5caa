"""What an exported artifact says of itself: JSON that travels inside it."""

import dataclasses
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from esrgan_tf.errors import InputError

if TYPE_CHECKING:
    import keras

METADATA = "esrgan_tf"  # the description's name among a LiteRT file's metadata and an ONNX file's properties


@dataclass(frozen=True)
class Description:
    """One exported generator.

    Args:
        name: of the generator, `<recipe>_x<scale>`.
        recipe: that it was trained by.
        scale: output size / input size.
        precision: of its arithmetic: float32, bfloat16, float16 or dynamic (of the weights alone), int8.
        input: what goes in: colours, dtype, shape and range.
        output: what comes out.
        tile: px, the one input size it takes; `None` takes any.
        overlap: px of the input that tiles should share.
        lr_multiple: px, of which the input's sides must be multiples.
        takes_alpha: whether every call chooses between two generators, 0 (psnr) to 1 (gan).
        licence: of the weights, as whoever exported them states it.
        source: paper and file that they come from.
        made_by: program and version.
    """

    name: str
    recipe: str
    scale: int
    precision: str
    input: str
    output: str
    tile: int | None = None
    overlap: int = 32
    lr_multiple: int = 1
    takes_alpha: bool = False
    licence: str = "not stated"
    source: str = ""
    made_by: str = "esrgan_tf"

    def to_json(self) -> str:
        """As it stands in the artifact."""
        return json.dumps(dataclasses.asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str | bytes, origin: str) -> "Description":
        """Read what `to_json` wrote; fields of later versions are passed over.

        Args:
            text: JSON.
            origin: the artifact, for messages.

        Raises:
            InputError: it is not a description.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        try:
            return cls(**{key: value for key, value in json.loads(text).items() if key in known})
        except (ValueError, TypeError, AttributeError) as error:
            raise InputError(f"`{origin}` must hold a description written by `esrgan export`.") from error


@dataclass(frozen=True)
class GeneratorInfo:
    """What a generator says of itself."""

    recipe: str
    scale: int
    lr_multiple: int = 1  # px, of which an image's sides must be multiples


def generator_info(model: "keras.Model") -> GeneratorInfo:
    """A generator's recipe and scale, from its name, and what sizes it takes.

    Raises:
        InputError: the model is not named `<recipe>_x<scale>`.
    """
    match = re.fullmatch(r"(.+)_x(\d+)", model.name)
    if not match:
        raise InputError(f"a generator must be named <recipe>_x<scale>. Received: a model named {model.name}.")
    unshuffled = [o.block_size for o in model.operations if type(o).__name__ == "SpaceToDepth"]
    return GeneratorInfo(match[1], int(match[2]), *unshuffled[:1])
