"""The embedded sample: photographs that scikit-image ships inside its wheel, so that no download is needed."""

from importlib.util import find_spec
from pathlib import Path

from esrgan_tf.data.generated import dead_leaves_source
from esrgan_tf.data.source import Files, Pair, Request, Source
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


def open_sample(request: Request) -> list[Source | Files]:
    """Open `sample`: its photographs, and to train on, dead leaves beside them.

    Raises:
        InputError: scikit-image, or one of the images, is not installed.
    """
    photographs = Files("sample", *sample_photographs())
    if request.held_out_only:
        return [photographs]
    return [photographs, dead_leaves_source("sample_dead_leaves", request, held_out=0)]


def sample_photographs() -> tuple[tuple[Pair, ...], tuple[Pair, ...]]:
    """The sample's photographs: (to train on, held out).

    Raises:
        InputError: scikit-image, or one of the images, is not installed.
    """
    return _pairs(TRAIN), _pairs(HELD_OUT)


def _pairs(names: tuple[str, ...]) -> tuple[Pair, ...]:
    """Images of scikit-image by their file names."""
    return tuple(Pair(path.stem, path) for path in map(_path, names))


def _path(name: str) -> Path:
    """Where one image of scikit-image lies, without importing the package."""
    spec = find_spec("skimage")
    path = Path(spec.submodule_search_locations[0], "data", name) if spec else Path(name)
    if not path.is_file():
        raise InputError(f"`data=sample` must find scikit-image's {name}: pip install 'scikit-image>=0.24,<0.27'.")
    return path
