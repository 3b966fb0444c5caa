"""ESRGAN (arXiv:1809.00219) in Keras 3 on TensorFlow 2: train, measure, upscale, export, serve.

Recipes: `get_recipe`, `override`. Training: `train_stage`, `RunOptions`, `Callback`. Using a generator: `Upscaler`,
`open_engine`, `load_generator`, `evaluate_models`, `export_generators`, `ExportOptions`, `interpolate`,
`build_generator`. Images: `read_image`, `write_image`. Extending: `register_generator`, `register_discriminator`,
`register_loss`, `register_data_source`, `register_format`. Errors: `InputError`, `TrainingStopped`.

A name is imported where it is first used: none of TensorFlow, Keras and NumPy is needed before.
"""

import importlib

__version__ = "0.1.0"

_HOMES = {
    "Callback": "training.callbacks",
    "ExportOptions": "export.options",
    "InputError": "errors",
    "RunOptions": "training.options",
    "TrainingStopped": "errors",
    "Upscaler": "inference.upscaler",
    "build_generator": "models",
    "evaluate_models": "evaluation.evaluate",
    "export_generators": "export.exporter",
    "get_recipe": "recipes",
    "interpolate": "models.interpolation",
    "load_generator": "formats.registry",
    "open_engine": "inference.engines.opening",
    "override": "recipes.overrides",
    "read_image": "image.io",
    "register_data_source": "data.registry",
    "register_discriminator": "models",
    "register_format": "formats.registry",
    "register_generator": "models",
    "register_loss": "losses",
    "train_stage": "training.run",
    "write_image": "image.io",
}
__all__ = ["__version__", *sorted(_HOMES)]


def __getattr__(name: str) -> object:
    """A public name, imported from its module."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    return value


def __dir__() -> list[str]:
    """The public names."""
    return __all__
