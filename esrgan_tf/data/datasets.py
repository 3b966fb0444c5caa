"""A user's own `tf.data.Dataset` of images as a source of training data."""

from dataclasses import dataclass

import tensorflow as tf

from esrgan_tf.data.source import Element, Source
from esrgan_tf.errors import InputError
from esrgan_tf.image.resize import imresize_uint8
from esrgan_tf.recipes.configs import DataConfig

NAME = "dataset"
NOMINAL_COUNT = 1000  # of a dataset that does not know its size


@dataclass(frozen=True)
class DatasetSource(Source):
    """Images that come decoded: an element's `hr` and `lr` are uint8 [h, w, 3], an empty `lr` is made from `hr`."""

    def load(self, element: Element) -> tuple[tf.Tensor, tf.Tensor]:
        """Element -> (hr, lr), uint8 [scale * h, scale * w, 3] and [h, w, 3]."""
        hr = self.load_hr(element)
        given = element["lr"]
        lr = tf.cond(tf.size(given) > 0, lambda: given, lambda: imresize_uint8(hr, 1 / self.scale))
        lr.set_shape([None, None, 3])
        with tf.control_dependencies([tf.debugging.assert_equal(tf.shape(lr)[:2], tf.shape(hr)[:2] // self.scale)]):
            return hr, tf.identity(lr)

    def load_hr(self, element: Element) -> tf.Tensor:
        """Element -> hr, uint8 [scale * h, scale * w, 3]: cut to a multiple of the scale."""
        hr = element["hr"]
        height, width = tf.unstack(tf.shape(hr)[:2] // self.scale * self.scale)
        return hr[:height, :width]

    @property
    def count(self) -> int:
        """How many images are trained on, or a nominal number of a dataset without a known size."""
        return len(self.names) or NOMINAL_COUNT


def dataset_sources(dataset: tf.data.Dataset, config: DataConfig, scale: int, hold_out: bool) -> list[Source]:
    """Open a dataset to train on.

    It is repeated in the order that it has: shuffle it where its order matters (crops of successive images are
    shuffled anyhow). An image smaller than the patch is skipped and named.

    Args:
        dataset: of HR images, uint8 [h, w, 3] of any size, or of pairs (HR, LR), LR of 1 / scale the size. Unbatched.
        config: the recipe's data part; without a degradation, LR is made by MATLAB's bicubic where there is none.
        scale: HR size / LR size.
        hold_out: whether the first `validation_pictures` elements are held out, and trained on no more; the dataset
            must give the same ones at each pass.

    Raises:
        InputError: another kind of dataset, or LR images where they are made.
    """
    images = _named_images(dataset, "data")
    if (config.degradation or config.multiscale) and _has_lr(dataset):
        raise InputError(
            "`data` must be a dataset of HR images alone where a degradation or `data.multiscale` makes the LR images: "
            "map it to them, or use `degradation=bicubic` and no other sizes. Received: one of pairs."
        )
    held_out = tuple(images.take(config.validation_pictures)) if hold_out else ()
    images = images.skip(len(held_out))
    return [_source(images, scale, held_out, dataset)]


def validation_sources(dataset: tf.data.Dataset, scale: int) -> list[Source]:
    """Open a dataset to validate on: every image is held out, none is trained on.

    Args:
        dataset: as `dataset_sources` takes it, finite.
        scale: HR size / LR size.

    Raises:
        InputError: another kind of dataset, or an endless one.
    """
    if dataset.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise InputError("`val_data` must be a dataset with an end: use its `take`. Received: an endless one.")
    images = _named_images(dataset, "val_data")
    return [_source(images.take(0), scale, tuple(images), dataset)]


def describe(data: str | tf.data.Dataset | None) -> str | None:
    """What `recipe.json` says of `data`: a dataset is described by its elements."""
    return f"{NAME} of {data.element_spec}" if isinstance(data, tf.data.Dataset) else data


def _source(images: tf.data.Dataset, scale: int, held_out: tuple[Element, ...], dataset: tf.data.Dataset) -> Source:
    """The source of named images."""
    count = max(int(images.cardinality()), 0) if images.cardinality() != tf.data.INFINITE_CARDINALITY else 0
    names = tuple(f"{NAME} {number}" for number in range(len(held_out), len(held_out) + count))

    def stream(seed: int) -> tf.data.Dataset:
        return images.repeat()

    def read(element: Element) -> tuple[tf.Tensor, tf.Tensor]:
        return element["hr"], tf.constant("given" if _has_lr(dataset) else "")

    return DatasetSource(NAME, names, stream, read, scale, held_out)


def _named_images(dataset: tf.data.Dataset, argument: str) -> tf.data.Dataset:
    """Elements of `name`, `hr` and `lr`, the latter empty where there is none."""
    spec = dataset.element_spec
    specs = spec if isinstance(spec, tuple) else (spec,)
    if len(specs) not in (1, 2) or not all(_is_image(part) for part in specs):
        raise InputError(
            f"`{argument}` must be a dataset of images uint8 [height, width, 3], or of pairs of them (HR, LR). "
            f"Received: elements of {spec}."
        )

    def named(index: tf.Tensor, images) -> Element:
        hr, lr = images if isinstance(spec, tuple) and len(spec) == 2 else (images, tf.zeros([0, 0, 3], tf.uint8))
        hr = hr[0] if isinstance(hr, tuple) else hr
        hr.set_shape([None, None, 3])
        return {"name": tf.strings.join([NAME, tf.strings.as_string(index)], " "), "hr": hr, "lr": lr}

    return dataset.enumerate().map(named)


def _has_lr(dataset: tf.data.Dataset) -> bool:
    """Whether its elements are pairs."""
    return isinstance(dataset.element_spec, tuple) and len(dataset.element_spec) == 2


def _is_image(spec) -> bool:
    """Whether a part of an element is an image."""
    return (
        isinstance(spec, tf.TensorSpec)
        and spec.dtype == tf.uint8
        and spec.shape.rank == 3
        and spec.shape[-1] in (3, None)
    )
