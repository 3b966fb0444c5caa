"""What `model` names, opened by whatever runs it; each runtime is imported only where it is used."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from esrgan_tf.errors import InputError
from esrgan_tf.formats.network import Network, check_alpha
from esrgan_tf.formats.saved_model.runtime import find_version


def open_network(models: Sequence[str | Path], alpha: float | None = None) -> Network:
    """Open a generator, or a network interpolated between two.

    Args:
        models: a `.keras` file, a work directory, a SavedModel's folder, a `.tflite` or an `.onnx` file; or two
            generators of Keras, psnr and gan.
        alpha: 0 (psnr) to 1 (gan), for two models or a SavedModel of two.

    Raises:
        InputError: not there, damaged, not described, or alpha where it has no use, or none where it is needed.
    """
    exported = [model for model in models if Path(model).suffix in (".tflite", ".onnx") or find_version(model)]
    if exported and len(models) > 1:
        raise InputError(f"`model` must be two Keras generators, or one exported file. Received: {exported[0]}.")
    path = models[0]
    if find_version(path):
        from esrgan_tf.formats.saved_model.runtime import saved_model_network

        return saved_model_network(path, alpha)
    check_alpha(len(models) > 1, alpha, " and ".join(map(str, models)))
    if Path(path).suffix == ".tflite":
        from esrgan_tf.formats.tflite.runtime import litert_network

        return litert_network(path)
    if Path(path).suffix == ".onnx":
        from esrgan_tf.formats.onnx_file.runtime import onnx_network

        return onnx_network(path)
    from esrgan_tf.formats.keras_file.generators import find_generator, load_generator
    from esrgan_tf.formats.keras_file.runtime import keras_network
    from esrgan_tf.models.interpolation import interpolate

    files = [find_generator(model) for model in models]
    generators = [load_generator(file) for file in files]
    model = generators[0] if alpha is None else interpolate(*generators, alpha)
    return keras_network(model, " and ".join(map(str, files)))


def takes_alpha(path: str | Path) -> bool:
    """Whether a model is a SavedModel of two generators.

    Raises:
        InputError: a SavedModel that is not described.
    """
    return bool(find_version(path)) and describe(path)["takes_alpha"]


def describe(path: str | Path) -> dict[str, object]:
    """What a generator says of itself, by field.

    Args:
        path: anything that `model` takes.

    Raises:
        InputError: not there, damaged, or not described.
    """
    if Path(path).suffix == ".tflite":
        from esrgan_tf.formats.tflite.runtime import read_description
    elif Path(path).suffix == ".onnx":
        from esrgan_tf.formats.onnx_file.runtime import read_description
    elif find_version(path):
        from esrgan_tf.formats.saved_model.runtime import read_description
    else:
        from esrgan_tf.formats.keras_file.generators import find_generator, load_generator
        from esrgan_tf.metadata import generator_info

        file = find_generator(path, "FILE")
        model = load_generator(file)
        return {"name": model.name, **asdict(generator_info(model)), "parameters": model.count_params(), "file": file}
    return asdict(read_description(path))
