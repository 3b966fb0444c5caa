"""The embedded sample: photographs that scikit-image ships inside its wheel, so that no download is needed."""

from importlib.util import find_spec
from pathlib import Path

from esrgan_tf.data.folders import Pair
from esrgan_tf.errors import InputError

TRAIN = (
    "brick.png",
    "camera.png",
    "coins.png",
    "grass.png",
    "gravel.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "moon.png",
    "motorcycle_left.png",
    "motorcycle_right.png",
    "retina.jpg",
    "rocket.jpg",
)
HELD_OUT = ("astronaut.png", "chelsea.png", "coffee.png")  # free of JPEG's own artefacts


def sample_photographs() -> tuple[list[Pair], list[Pair]]:
    """The sample's photographs: (to train on, held out).

    Raises:
        InputError: scikit-image, or one of the images, is not installed.
    """
    return [Pair(_path(name)) for name in TRAIN], [Pair(_path(name)) for name in HELD_OUT]


def _path(name: str) -> Path:
    """Where one image of scikit-image lies, without importing the package."""
    spec = find_spec("skimage")
    path = Path(spec.submodule_search_locations[0], "data", name) if spec else Path(name)
    if not path.is_file():
        raise InputError(f"`data=sample` must find scikit-image's {name}: pip install 'scikit-image>=0.24,<0.27'.")
    return path
