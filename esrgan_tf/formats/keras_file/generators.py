"""Generator files: `.keras`, float32 whatever the training's precision, loadable by plain Keras in safe mode.

Convolutions in branches are a layer of this package, which Keras finds once `esrgan_tf.models` has been imported.
What a generator says of itself lies beside the model in the zip archive, as a member that plain Keras ignores.
"""

import zipfile
from pathlib import Path

import keras

from esrgan_tf.atomic import replacing
from esrgan_tf.errors import InputError, first_line
from esrgan_tf.formats.keras_file.locate import find_generator
from esrgan_tf.metadata import METADATA_FILE, GeneratorMetadata, metadata_of, set_metadata
from esrgan_tf.models.fusion import fuse_branches
from esrgan_tf.models.layers.branches import BranchedConv2D

SCALE_LAYERS = ("conv_first", "conv_up", "prelu_up", "conv_last")  # whose shapes depend on the scale
CUSTOM_LAYERS = {keras.saving.get_registered_name(BranchedConv2D): BranchedConv2D}


def load_generator(path: str | Path, argument: str = "model") -> keras.Model:
    """Read a generator.

    Args:
        path: as `find_generator` takes it.
        argument: where it was given, for messages.

    Returns:
        Model [batch, height, width, 3] in 0..1 -> [batch, scale * height, scale * width, 3] float32.

    Raises:
        InputError: no generator there, or the file is none.
    """
    file = find_generator(path, argument)
    if not zipfile.is_zipfile(file):
        raise InputError(f"`{file}` must be a .keras generator file. Received: something else, or a truncated one.")
    try:
        model = keras.saving.load_model(file, CUSTOM_LAYERS, compile=False)
    except (ValueError, TypeError, KeyError, OSError, zipfile.BadZipFile) as error:
        raise InputError(f"`{file}` cannot be read as a .keras model: {first_line(error)}") from error
    with zipfile.ZipFile(file) as archive:
        if METADATA_FILE in archive.namelist():
            return set_metadata(model, GeneratorMetadata.from_json(archive.read(METADATA_FILE), str(file)))
    metadata_of(model)  # raises unless its name says what it is
    return model


def save_generator(model: keras.Model, path: str | Path, metadata: GeneratorMetadata | None = None) -> None:
    """Write a generator; the file appears whole or not at all.

    Args:
        model: a float32 generator with metadata, or named as `metadata_of` reads it.
        path: ends in `.keras`.
        metadata: in place of the model's own.

    Raises:
        InputError: the model has no metadata, and its name is not a generator's.
        OSError: the file cannot be written.
    """
    metadata = metadata or metadata_of(model)
    with replacing(path) as temporary:
        model.save(temporary)
        with zipfile.ZipFile(temporary, "a") as archive:
            archive.writestr(METADATA_FILE, metadata.to_json())


def copy_weights(source: keras.Model, target: keras.Model, origin: str) -> str:
    """Copy weights from one generator to another: all of them, or from another scale those that fit.

    Where one has convolutions in branches and the other plain ones, they are made the same function.

    Args:
        source: read from.
        target: written to.
        origin: where `source` comes from, for messages.

    Returns:
        What was copied and what not, for people.

    Raises:
        InputError: names or shapes differ; of another scale, elsewhere than where the image is upscaled.
    """
    branched = [layer for layer in target.layers if isinstance(layer, BranchedConv2D)]
    have, want = _tensors(source if branched else fuse_branches(source)), _tensors(target)
    for layer in branched:
        have = _into_branches(have, layer)
    shapes = {path: tuple(variable.shape) for path, variable in have.items()}
    fitting = [path for path, variable in want.items() if shapes.get(path) == tuple(variable.shape)]
    differing = sorted((have.keys() | want.keys()) - set(fitting))
    other_scale = metadata_of(source).scale != metadata_of(target).scale
    if differing and not (other_scale and all(path.startswith(SCALE_LAYERS) for path in differing)):
        first = next((path for path in differing if not path.startswith(SCALE_LAYERS)), differing[0])
        wanted = tuple(want[first].shape) if first in want else None
        raise InputError(
            f"`{origin}` must be the same network as the recipe's generator {target.name}. Received: {source.name}, "
            f"{len(differing)} tensors differ, first {first}: {shapes.get(first)} instead of {wanted}."
        )
    for path in fitting:
        want[path].assign(have[path].value)
    said = f"{len(fitting)} of {len(want)} tensors of {source.name}" if differing else f"all {len(want)} tensors"
    new = [path for path in want if path not in fitting]
    unused = [path for path in have if path not in fitting]
    said += f"; new: {', '.join(new)}" if new else ""
    return said + (f"; not used: {', '.join(unused)}" if unused else "")


def _into_branches(have: dict[str, keras.Variable], layer: BranchedConv2D) -> dict[str, keras.Variable]:
    """The variables by path, those of a plain convolution replaced by the branches that it gives the layer."""
    kernel, bias = (have.get(f"{layer.name}/{name}") for name in ("kernel", "bias"))
    if kernel is None or kernel.shape != layer.fused()[0].shape:
        return have
    layer.assign_fused(kernel.value, bias.value)
    rest = {path: variable for path, variable in have.items() if path not in (kernel.path, bias.path)}
    return rest | {variable.path: variable for variable in layer.variables}


def _tensors(model: keras.Model) -> dict[str, keras.Variable]:
    """A model's variables by path."""
    return {variable.path: variable for variable in model.variables}
