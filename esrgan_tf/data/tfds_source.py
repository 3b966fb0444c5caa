"""Image data sets of TensorFlow Datasets (TFDS), downloaded and prepared by it.

Tested on small data sets of the same features alone: no real one was downloaded for the tests.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from esrgan_tf.data.source import Request, Source, held_out_count
from esrgan_tf.errors import InputError, first_line

if TYPE_CHECKING:
    import tensorflow as tf

BUFFER = 16  # encoded images (some 5 MB each of DIV2K) shuffled at a time, besides their files; in every checkpoint
VALIDATION_SPLITS = ("validation", "test")  # the first that is there is held out


def open_tfds(request: Request) -> list[Source]:
    """Open `tfds:NAME`, such as `tfds:voc/2012`: its feature `image`, or `hr` and `lr`.

    Split `train` is trained on; `validation` or else `test` is held out, or else the last of `train`.

    Raises:
        InputError: no such data set, not one of images, or it cannot be downloaded.
    """
    if not request.text:
        raise InputError(f"`{request.argument}` must be tfds:NAME, such as tfds:voc/2012. Received: {request.part}.")
    return [prepared_source(builder_of(request.text, request), request)]


def builder_of(name: str, request: Request) -> Any:
    """TFDS's builder of that name.

    Raises:
        InputError: TFDS has none.
    """
    import tensorflow_datasets as tfds  # seconds to import, needed for these sources alone

    try:
        return tfds.builder(name)
    except Exception as error:  # TFDS raises several kinds for names, configurations and versions
        raise InputError(
            f"`{request.argument}={request.part}` must name a data set of TFDS. Received: {first_line(error)}."
        ) from error


def is_on_this_machine(builder: Any) -> bool:
    """Whether TFDS has prepared it already."""
    return Path(builder.data_path).is_dir()


def prepared_source(builder: Any, request: Request, bicubic: bool = False) -> Source:
    """Source of a data set, downloaded if need be.

    Args:
        builder: TFDS's.
        request: of which `part` names it.
        bicubic: whether its LR images are MATLAB's bicubic, and can be made of smaller copies too.

    Raises:
        InputError: it is not one of images, or cannot be downloaded, or has LR images of its own where smaller copies
            are trained on too.
    """
    from esrgan_tf.data.listed import read_encoded, read_encoded_hr

    _prepare(builder, request)
    hr, lr = _features(builder, request)
    if lr and request.config.multiscale and not bicubic and not request.held_out_only:
        raise InputError(
            f"`data.multiscale` must be empty for `{request.argument}={request.part}`, which has LR images of its own."
        )
    train, validation = _splits(builder, request)
    held_out = encoded_images(builder, validation, request.part, hr, lr)
    if not request.held_out_only:
        held_out = tuple(held_out.take(request.config.validation_pictures))

    def stream(seed: int) -> "tf.data.Dataset":
        elements = encoded_images(builder, train, request.part, hr, lr, seed)
        return elements.shuffle(BUFFER, seed=seed, reshuffle_each_iteration=True).repeat()

    count = 0 if request.held_out_only else builder.info.splits[train].num_examples
    names = tuple(f"{request.part} train {number}" for number in range(count))
    read = read_encoded_hr if request.config.degradation else read_encoded
    return Source(request.part, names, stream, read, request.scale, held_out)


def encoded_images(
    builder: Any, split: str, name: str, hr: str, lr: str | None, seed: int | None = None
) -> "tf.data.Dataset":
    """One split as elements of `name`, `hr` and `lr`, the last two still encoded.

    Args:
        builder: prepared.
        split: as TFDS names it, such as "train" or "train[:90]".
        name: what the images' names begin with.
        hr: feature of the HR images.
        lr: feature of the LR images, or `None`.
        seed: reads the files in another random order in every epoch; `None` keeps TFDS's own order.
    """
    import tensorflow as tf
    import tensorflow_datasets as tfds

    shuffle = seed is not None
    wanted = {feature: tfds.decode.SkipDecoding() for feature in (hr, lr) if feature}
    images = builder.as_dataset(
        split=split,
        shuffle_files=shuffle,
        decoders=tfds.decode.PartialDecoding(dict.fromkeys(wanted, True), decoders=wanted),
        read_config=tfds.ReadConfig(shuffle_seed=seed, shuffle_reshuffle_each_iteration=shuffle, add_tfds_id=True),
    )
    return images.map(
        lambda image: {
            "name": tf.strings.join([f"{name} ", image["tfds_id"]]),
            "hr": image[hr],
            "lr": image[lr] if lr else tf.constant(""),
        }
    )


def _prepare(builder: Any, request: Request) -> None:
    """Download the data set where it is not on this machine."""
    named = f"{request.argument}={request.part}"
    if not is_on_this_machine(builder):
        size = builder.info.download_size
        request.log(
            f"{request.part}: downloading {size or 'it'} through TFDS (without a connection, stop and use "
            f"`{request.argument}=sample`)"
        )
    try:
        builder.download_and_prepare()
    except Exception as error:  # of many kinds: connection, checksum, disk
        raise InputError(
            f"`{named}` cannot be downloaded ({first_line(error)}): use `{request.argument}=sample` (no download) or "
            f"`{request.argument}=FOLDER` of your own images."
        ) from error


def _features(builder: Any, request: Request) -> tuple[str, str | None]:
    """The features of HR and LR images; LR is `None` where there is none."""
    import tensorflow_datasets as tfds

    features = builder.info.features
    images = {
        name
        for name, feature in (features.items() if isinstance(features, tfds.features.FeaturesDict) else ())
        if isinstance(feature, tfds.features.Image) and np.dtype(feature.np_dtype) in (np.uint8, np.uint16)
    }
    hr = next((name for name in ("hr", "image") if name in images), None)
    if hr is None:
        raise InputError(
            f"`{request.argument}={request.part}` must have images as a feature `image`, or `hr` and `lr`. "
            f"Received: {', '.join(features)}."
        )
    sides = [side for side in features[hr].shape[:2] if side]
    if sides and min(sides) < request.smallest:
        raise InputError(
            f"`{request.argument}={request.part}` must have images of at least {request.smallest} px. "
            f"Received: {' x '.join(map(str, sides[::-1]))} px."
        )
    return hr, "lr" if hr == "hr" and "lr" in images else None


def _splits(builder: Any, request: Request) -> tuple[str, str]:
    """The splits to train on and to hold out."""
    splits = builder.info.splits
    if "train" not in splits:
        raise InputError(
            f"`{request.argument}={request.part}` must have a split `train`. Received: {', '.join(splits)}."
        )
    for validation in VALIDATION_SPLITS:
        if validation in splits:
            return "train", validation
    count = splits["train"].num_examples
    first = max(count - held_out_count(count, request.config), 1)  # a single image is both
    return f"train[:{first}]", f"train[{min(first, count - 1)}:]"
