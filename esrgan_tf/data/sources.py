"""Where images come from: `data` opened as sources of whole HR and LR images.

A source holds some images out for validation and gives the others as an endless shuffled tf.data stream. A
stream's elements are small (paths or encoded bytes), so that shuffling them is cheap; `load` turns one into
arrays. `load` may fail on a broken file: the pipeline handles that for every source alike. Where the recipe has a
degradation, LR images are made from crops later on, and only `load_hr` is needed.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf
from PIL import Image

from esrgan_tf.data import div2k
from esrgan_tf.data.dead_leaves import dead_leaves
from esrgan_tf.data.folders import Pair, find_pairs, survey
from esrgan_tf.data.sample import sample_photographs
from esrgan_tf.errors import InputError
from esrgan_tf.image.resize import imresize_uint8
from esrgan_tf.metrics.psnr_ssim import smallest_side
from esrgan_tf.recipes.configs import DataConfig

Element = dict[str, tf.Tensor]  # of strings: `name`, and `hr` and `lr` as paths or encoded images; "" is no LR
HELD_OUT_SHARE = 10  # at most one image in ten is held out of a source without a validation part
DIV2K_BUFFER = 16  # encoded images (some 5 MB each) shuffled at a time, besides their files; in every checkpoint
SERIES = {"sample_dead_leaves": 0, "dead_leaves": 1}


@dataclass(frozen=True)
class Source:
    """Images of one origin."""

    name: str
    names: tuple[str, ...]  # of the images trained on
    stream: Callable[[int], tf.data.Dataset]  # seed -> endless shuffled elements
    read: Callable[[Element], tuple[tf.Tensor, tf.Tensor]]  # element -> encoded (hr, lr); lr is "" where there is none
    scale: int  # HR size / LR size
    held_out: tuple[Element, ...]
    left_out: tuple[str, ...] = ()  # images that cannot be used, each with its reason

    def load(self, element: Element) -> tuple[tf.Tensor, tf.Tensor]:
        """Element -> (hr, lr), uint8 [scale * h, scale * w, 3] and [h, w, 3]."""
        return decode_pair(*self.read(element), self.scale)

    def load_hr(self, element: Element) -> tf.Tensor:
        """Element -> hr, uint8 [scale * h, scale * w, 3]."""
        return decode_hr(self.read(element)[0], self.scale)

    @property
    def count(self) -> int:
        """How many images are trained on."""
        return len(self.names)


def open_sources(data: str, config: DataConfig, scale: int, hr_patch: int, seed: int) -> list[Source]:
    """Open everything that `data` names.

    Args:
        data: parts joined by `+`: `sample`, `dead_leaves`, `div2k`, a folder of HR images, or
            `hr=FOLDER,lr=FOLDER`. Names of folders cannot hold `+` or `,`.
        config: the recipe's data part.
        scale: HR size / LR size.
        hr_patch: px; smaller images are left out.
        seed: of the generated images.

    Returns:
        The sources; `sample` is two, its photographs and its dead leaves.

    Raises:
        InputError: a part that is empty, named twice, cannot be had, or holds no image that fits.
    """
    parts = data.split("+")
    if "" in parts or len(set(parts)) < len(parts):
        raise InputError(f"`data` must name different things, joined by single `+`. Received: {data}.")
    sources = []
    for part in parts:
        if part == "sample":
            train, held_out = sample_photographs()
            found = survey(train, scale, hr_patch, "`hr_patch`")
            sources.append(_from_files(part, found.pairs, held_out, scale, found.left_out))
            sources.append(_from_dead_leaves("sample_dead_leaves", config, scale, hr_patch, seed, held_out=0))
        elif part == "dead_leaves":
            held_out = _held_out_count(config.dead_leaves_pictures, config)
            sources.append(_from_dead_leaves(part, config, scale, hr_patch, seed, held_out))
        elif part == "div2k":
            sources.append(_from_div2k(config, scale))
        elif config.degradation and "lr=" in part:
            raise InputError(
                "`data` must be images without `lr=` where a degradation makes the LR images: give the folder of "
                f"HR images, or `degradation=bicubic`. Received: {part}."
            )
        else:
            found = survey(find_pairs(part), scale, hr_patch, "`hr_patch`")
            train, held_out = _hold_out(found.pairs, config)
            sources.append(_from_files(part, train, held_out, scale, found.left_out))
    return sources


def default_data(scale: int) -> str:
    """What to train on where nothing is named: DIV2K if TFDS has it prepared, the sample otherwise."""
    return "div2k" if div2k.is_prepared(scale) else "sample"


def open_validation(data: str, scale: int) -> list[Source]:
    """Open `val_data`: every image of every part is held out, none is trained on.

    Args:
        data: folders or `hr=FOLDER,lr=FOLDER`, joined by `+`.
        scale: HR size / LR size.

    Raises:
        InputError: a part that is no folder, or holds no image that fits.
    """
    sources = []
    for part in data.split("+"):
        found = survey(find_pairs(part, "val_data"), scale, smallest_side(scale), "to be measured", "val_data")
        sources.append(_from_files(part, (), found.pairs, scale, found.left_out))
    return sources


def decode_pair(hr: tf.Tensor, lr: tf.Tensor, scale: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Decode one image, and its LR image or make it.

    Args:
        hr: scalar string, an encoded image; cut to a multiple of the scale.
        lr: scalar string, an encoded image, or "" to make it by MATLAB's bicubic.
        scale: HR size / LR size.

    Returns:
        (hr, lr), uint8 [scale * h, scale * w, 3] and [h, w, 3].

    Raises:
        tf.errors.InvalidArgumentError: not an image, truncated, or sizes that do not fit.
    """
    hr = decode_hr(hr, scale)
    height, width = tf.unstack(tf.shape(hr)[:2] // scale)
    lr = tf.cond(tf.equal(lr, ""), lambda: imresize_uint8(hr, 1 / scale), lambda: _decode(lr))
    lr.set_shape([None, None, 3])
    with tf.control_dependencies([tf.debugging.assert_equal(tf.shape(lr)[:2], [height, width])]):
        return hr, tf.identity(lr)


def decode_hr(hr: tf.Tensor, scale: int) -> tf.Tensor:
    """Decode one image.

    Args:
        hr: scalar string, an encoded image.
        scale: HR size / LR size.

    Returns:
        uint8 [scale * h, scale * w, 3]: cut to a multiple of the scale.

    Raises:
        tf.errors.InvalidArgumentError: not an image, or truncated.
    """
    hr = _decode(hr)
    height, width = tf.unstack(tf.shape(hr)[:2] // scale)
    return hr[: height * scale, : width * scale]


def _from_files(name: str, train, held_out, scale: int, left_out: tuple[str, ...] = ()) -> Source:
    """Source of image files, shuffled as a whole in every epoch."""

    def stream(seed: int) -> tf.data.Dataset:
        elements = tf.data.Dataset.from_tensor_slices(_columns(train))
        return elements.shuffle(len(train), seed=seed, reshuffle_each_iteration=True).repeat()

    def read(element: Element) -> tuple[tf.Tensor, tf.Tensor]:
        lr = tf.cond(tf.equal(element["lr"], ""), lambda: "", lambda: tf.io.read_file(element["lr"]))
        return tf.io.read_file(element["hr"]), lr

    names = tuple(str(pair.hr) for pair in train)
    return Source(name, names, stream, read, scale, _rows(_columns(held_out)), left_out)


def _from_dead_leaves(name: str, config: DataConfig, scale: int, hr_patch: int, seed: int, held_out: int) -> Source:
    """Source of generated images, kept as PNG in memory; the last `held_out` are held out."""
    size = max(config.dead_leaves_size, hr_patch)
    # Another series for each name: `sample+dead_leaves` trains on nothing that it holds out.
    first = SERIES[name] * config.dead_leaves_pictures
    numbers = range(first, first + config.dead_leaves_pictures)
    train = numbers[: len(numbers) - held_out]

    def elements(chosen: range) -> dict[str, list]:
        encoded = [_png(dead_leaves(size, seed, number)) for number in chosen]
        return {"name": [f"{name} {number}" for number in chosen], "hr": encoded, "lr": [""] * len(chosen)}

    def stream(stream_seed: int) -> tf.data.Dataset:
        images = tf.data.Dataset.from_tensor_slices(elements(train))
        return images.shuffle(len(train), seed=stream_seed, reshuffle_each_iteration=True).repeat()

    names = tuple(f"{name} {number} of {size} px" for number in train)
    return Source(name, names, stream, _read_encoded, scale, _rows(elements(numbers[len(train) :])))


def _from_div2k(config: DataConfig, scale: int) -> Source:
    """Source of DIV2K: its own validation part is held out."""
    builder = div2k.prepare(scale)
    held_out = tuple(div2k.encoded_images(builder, "validation").take(config.validation_pictures))

    def stream(seed: int) -> tf.data.Dataset:
        elements = div2k.encoded_images(builder, "train", seed)
        return elements.shuffle(DIV2K_BUFFER, seed=seed, reshuffle_each_iteration=True).repeat()

    names = tuple(f"div2k train {number}" for number in range(builder.info.splits["train"].num_examples))
    read = _read_encoded_hr if config.degradation else _read_encoded
    return Source("div2k", names, stream, read, scale, held_out)


def _read_encoded(element: Element) -> tuple[tf.Tensor, tf.Tensor]:
    """Element of encoded images -> (hr, lr), encoded."""
    return element["hr"], element["lr"]


def _read_encoded_hr(element: Element) -> tuple[tf.Tensor, tf.Tensor]:
    """Element of encoded images -> (hr, ""), encoded."""
    return element["hr"], tf.constant("")


def _hold_out(pairs: tuple[Pair, ...], config: DataConfig) -> tuple[list[Pair], list[Pair]]:
    """Pairs -> (to train on, held out), the latter evenly spread; a single image is both."""
    count = _held_out_count(len(pairs), config)
    held_out = [pairs[(2 * k + 1) * len(pairs) // (2 * count)] for k in range(count)]
    return [pair for pair in pairs if pair not in held_out] or held_out, held_out


def _held_out_count(images: int, config: DataConfig) -> int:
    """How many of so many images are held out: at least one, at most a tenth."""
    return max(1, min(config.validation_pictures, images // HELD_OUT_SHARE))


def _columns(pairs) -> dict[str, list[str]]:
    """Pairs -> lists of paths as strings."""
    hr = [str(pair.hr) for pair in pairs]
    return {"name": hr, "hr": hr, "lr": [str(pair.lr or "") for pair in pairs]}


def _rows(columns: dict[str, list]) -> tuple[Element, ...]:
    """Lists -> one element each."""
    return tuple({key: tf.constant(values[i]) for key, values in columns.items()} for i in range(len(columns["name"])))


def _decode(encoded: tf.Tensor) -> tf.Tensor:
    """Encoded image -> uint8 [h, w, 3]; grey becomes RGB, alpha is dropped."""
    image = tf.io.decode_image(encoded, channels=3, expand_animations=False)
    image.set_shape([None, None, 3])
    return image


def _png(image) -> bytes:
    """uint8 [h, w, 3] -> PNG, lightly compressed."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
