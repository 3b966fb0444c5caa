"""What a generator says of itself, in memory and in every file of it."""

import dataclasses
import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from esrgan_tf import compat
from esrgan_tf.errors import InputError

if TYPE_CHECKING:
    import keras

METADATA = "esrgan_tf"  # the metadata's name in a LiteRT file and among an ONNX file's properties
METADATA_FILE = "generator.json"  # its name among a SavedModel's assets and in a .keras file
DEFAULT_OVERLAP = 32  # px
FLOAT_IMAGE = "RGB float32 [batch, height, width, 3], 0..1"
NOT_STATED = "not stated"
_ATTRIBUTE = "generator_metadata"  # of a Keras model


@dataclass(frozen=True)
class GeneratorMetadata:
    """One generator.

    Args:
        name: of the generator, `<recipe>_x<scale>` unless its user names it.
        recipe: that it was trained by.
        scale: output size / input size.
        family: of the network, as recipes name it; empty where it is not known.
        precision: of its arithmetic: float32, bfloat16, float16 or dynamic (of the weights alone), int8; or a Keras
            policy such as mixed_bfloat16.
        input: colours, dtype, shape and range of the input.
        output: of the output.
        tile: px, the one input size it takes; `None` takes any.
        overlap: px of the input that tiles should share.
        preferred_tile: px, of tiles for one that takes any size; `None` where it is not known.
        lr_multiple: px, of which the input's sides must be multiples.
        takes_alpha: whether every call chooses between two generators, 0 (psnr) to 1 (gan).
        licence: of the weights, as whoever wrote the file states it.
        source: paper and file that they come from.
        made_by: program and version.
    """

    name: str
    recipe: str
    scale: int
    family: str = ""
    precision: str = "float32"
    input: str = FLOAT_IMAGE
    output: str = f"{FLOAT_IMAGE}, `scale` times as high and wide; may exceed 0..1 slightly"
    tile: int | None = None
    overlap: int = DEFAULT_OVERLAP
    preferred_tile: int | None = None
    lr_multiple: int = 1
    takes_alpha: bool = False
    licence: str = NOT_STATED
    source: str = ""
    made_by: str = "esrgan_tf"

    @classmethod
    def named(cls, recipe: str, scale: int, **fields) -> "GeneratorMetadata":
        """Metadata of a generator that is named after its recipe and scale."""
        return cls(f"{recipe}_x{scale}", recipe, scale, **fields)

    def to_json(self) -> str:
        """Serialize for a file."""
        return json.dumps(dataclasses.asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str | bytes, origin: str) -> "GeneratorMetadata":
        """Read what `to_json` wrote; fields of later versions are ignored.

        Args:
            text: JSON.
            origin: the file, for messages.

        Raises:
            InputError: it is not a generator's metadata.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        try:
            return cls(**{key: value for key, value in json.loads(text).items() if key in known})
        except (ValueError, TypeError, AttributeError) as error:
            raise InputError(f"`{origin}` must hold a description written by `esrgan export`.") from error


def set_metadata(model: "keras.Model", metadata: GeneratorMetadata) -> "keras.Model":
    """Attach metadata to a Keras model, which is returned."""
    setattr(model, _ATTRIBUTE, metadata)
    return model


def metadata_of(model: "keras.Model") -> GeneratorMetadata:
    """A Keras model's metadata.

    Where none was attached, as to models of plain Keras and of files of earlier versions, recipe and scale are read
    from the name, `<recipe>_x<scale>`, and `lr_multiple` from the pixel-unshuffle that the model begins with.

    Raises:
        InputError: the model has no metadata, and another name.
    """
    attached = getattr(model, _ATTRIBUTE, None)
    if attached is not None:
        return attached
    match = re.fullmatch(r"(.+)_x(\d+)", model.name)
    if not match:
        raise InputError(f"a generator must be named <recipe>_x<scale>. Received: a model named {model.name}.")
    unshuffled = [operation.block_size for operation in model.operations if compat.is_space_to_depth(operation)]
    return GeneratorMetadata(model.name, match[1], int(match[2]), lr_multiple=unshuffled[0] if unshuffled else 1)


def with_metadata_of(model: "keras.Model", source: "keras.Model", **changes) -> "keras.Model":
    """Attach the metadata of the model that another was rebuilt from, some fields changed; returns the rebuilt one.

    A source without metadata leaves the rebuilt model without.
    """
    attached = getattr(source, _ATTRIBUTE, None)
    return model if attached is None else set_metadata(model, replace(attached, **changes))
