"""DIV2K through TensorFlow Datasets, as it is: HR images and MATLAB's bicubic LR images."""

from pathlib import Path

import tensorflow as tf

from esrgan_tf.errors import InputError, first_line

SCALES = (2, 3, 4, 8)  # for which TFDS has bicubic LR images


def is_prepared(scale: int) -> bool:
    """Whether TFDS has DIV2K on this machine already."""
    return scale in SCALES and Path(_builder(scale).data_path).is_dir()


def prepare(scale: int):
    """TFDS's builder of DIV2K with its images on this machine, downloaded if need be.

    Raises:
        InputError: no such scale, or the download failed.
    """
    if scale not in SCALES:
        raise InputError(f"`data=div2k` has scales {', '.join(map(str, SCALES))}. Received: `scale={scale}`.")
    builder = _builder(scale)
    if not is_prepared(scale):
        print(
            "DIV2K: downloading some 5 GB through TFDS (without a connection, stop and use `data=sample`)", flush=True
        )
    try:
        builder.download_and_prepare()
    except Exception as error:  # TFDS raises whatever its downloader meets: connection, checksum, disk
        raise InputError(
            f"`data=div2k` cannot be downloaded ({first_line(error)}): use `data=sample` (no download) or "
            "`data=FOLDER` of your own images."
        ) from error
    return builder


def encoded_images(builder, split: str, seed: int | None = None) -> tf.data.Dataset:
    """One split as elements of `name`, `hr` and `lr`, the last two still encoded.

    Args:
        builder: as `prepare` gives it.
        split: "train" or "validation".
        seed: reads the files in another random order in every epoch; `None` keeps TFDS's own order.
    """
    import tensorflow_datasets as tfds  # seconds to import, needed for this source alone

    shuffle = seed is not None
    images = builder.as_dataset(
        split=split,
        shuffle_files=shuffle,
        decoders={"hr": tfds.decode.SkipDecoding(), "lr": tfds.decode.SkipDecoding()},
        read_config=tfds.ReadConfig(shuffle_seed=seed, shuffle_reshuffle_each_iteration=shuffle, add_tfds_id=True),
    )
    return images.map(
        lambda image: {
            "name": tf.strings.join(["div2k ", image["tfds_id"]]),
            "hr": image["hr"],
            "lr": image["lr"],
        }
    )


def _builder(scale: int):
    """TFDS's builder for one scale."""
    import tensorflow_datasets as tfds

    return tfds.builder(f"div2k/bicubic_x{scale}")
