"""What a data source is: what it is asked for, and what it gives.

An opener (see `registry`) takes a `Request` and gives `Files`, which name image files, or a `Source`, which streams
encoded images of its own. Nothing here imports TensorFlow: an evaluation of files runs without it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from esrgan_tf.image.io import IMAGE_SUFFIXES
from esrgan_tf.log import Log, print_line
from esrgan_tf.recipes.configs import DataConfig

if TYPE_CHECKING:
    import tensorflow as tf

Element = dict[str, "tf.Tensor"]  # of strings: `name`, and `hr` and `lr` as paths or encoded images; "" is no LR
HELD_OUT_SHARE = 10  # at most one image in ten is held out of a source without a validation part


@dataclass(frozen=True)
class Request:
    """What is asked of a source.

    Args:
        scale: HR size / LR size.
        smallest: px; smaller HR images are of no use.
        config: the recipe's data part: how many images are held out or generated, and the degradation.
        seed: of generated images.
        held_out_only: nothing is trained on: only what the source holds out is used.
        argument: where the source was named, for messages.
        part: how it was named, such as `tfds:voc/2012`.
        text: what stands behind its registered name and the colon, or the whole part of a folder.
        log: takes lines about what takes time, such as a download.
    """

    scale: int
    smallest: int
    config: DataConfig = DataConfig()
    seed: int = 0
    held_out_only: bool = False
    argument: str = "data"
    part: str = ""
    text: str = ""
    log: Log = print_line


@dataclass(frozen=True)
class Pair:
    """One HR image file, and its LR image file where there is one (else LR is made from HR).

    `name` is the image's in tables: its stem, or its path inside the folder where several share a stem.
    """

    name: str
    hr: Path
    lr: Path | None = None


@dataclass(frozen=True)
class Files:
    """Image files of one origin.

    Args:
        name: of the origin.
        pairs: the files.
        held_out: further files, never trained on; `None` where the usual share of `pairs` is held out.
    """

    name: str
    pairs: tuple[Pair, ...]
    held_out: tuple[Pair, ...] | None = None


@dataclass(frozen=True)
class Source:
    """Images of one origin, some of them held out for validation, the others an endless shuffled stream.

    A stream's elements are small (paths or encoded bytes), so that shuffling them is cheap; `load` turns one into
    arrays. `load` may fail on a broken file: the pipeline handles that for every source alike. Where the recipe has
    a degradation, LR images are made from crops later on, and only `load_hr` is needed.

    Args:
        name: of the origin.
        names: of the images trained on; they identify a run.
        stream: seed -> endless shuffled elements.
        read: element -> encoded (hr, lr), scalar strings; lr is "" where there is none. Runs inside tf.data's graph.
        scale: HR size / LR size.
        held_out: elements.
        left_out: images that cannot be used, each with its reason.
    """

    name: str
    names: tuple[str, ...]
    stream: "Callable[[int], tf.data.Dataset]"
    read: "Callable[[Element], tuple[tf.Tensor, tf.Tensor]]"
    scale: int
    held_out: Iterable[Element]
    left_out: tuple[str, ...] = ()

    def load(self, element: Element) -> "tuple[tf.Tensor, tf.Tensor]":
        """Element -> (hr, lr), uint8 [scale * h, scale * w, 3] and [h, w, 3]."""
        from esrgan_tf.data.decoding import decode_pair

        return decode_pair(*self.read(element), self.scale)

    def load_hr(self, element: Element) -> "tf.Tensor":
        """Element -> hr, uint8 [scale * h, scale * w, 3]."""
        from esrgan_tf.data.decoding import decode_hr

        return decode_hr(self.read(element)[0], self.scale)

    @property
    def count(self) -> int:
        """Number of images trained on."""
        return len(self.names)

    @property
    def identity(self) -> tuple[str, ...]:
        """What a run is resumed with: of images, their names."""
        return self.names

    @property
    def test_images(self) -> dict[str, str]:
        """Images trained on that are known to be the field's test images, by name: test set and file."""
        return {}


def held_out_numbers(images: int, config: DataConfig) -> list[int]:
    """Which of so many images are held out, evenly spread."""
    count = held_out_count(images, config)
    return [(2 * k + 1) * images // (2 * count) for k in range(count)]


def held_out_count(images: int, config: DataConfig) -> int:
    """How many of so many images are held out: at least one, at most a tenth."""
    return max(1, min(config.validation_pictures, images // HELD_OUT_SHARE))


def short_name(name: str) -> str:
    """An image's name in tables and of its panels: of a path its stem, of anything else the name itself."""
    path = PurePath(name)
    return path.stem if path.suffix.lower() in IMAGE_SUFFIXES else name.replace("/", "_")
