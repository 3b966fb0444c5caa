"""From sources of whole images to endless batches of aligned crops.

Every random choice comes from a stateless seed, so that an iterator saved in a checkpoint resumes exactly where
it was, and two runs of one seed see the same batches.
"""

import math

import tensorflow as tf

from esrgan_tf.data.degradation import degrade
from esrgan_tf.data.source import Source
from esrgan_tf.errors import InputError
from esrgan_tf.recipes.configs import DataConfig

PARALLEL_IMAGES = 8  # decoded at a time
USUAL_MULTIPLE = 32  # px, of patches: fits every discriminator
DEGRADATION_SERIES = 1  # of random numbers, apart from the crops'


def training_batches(
    sources: list[Source], config: DataConfig, scale: int, hr_patch: int, batch_size: int, seed: int
) -> tf.data.Dataset:
    """Endless batches of aligned crops: shuffled images, several crops of each, shuffled crops.

    Args:
        sources: mixed in proportion to their numbers of images.
        config: crops an image, shuffle buffer, flips and rotations, degradation.
        scale: HR size / LR size.
        hr_patch: px, a multiple of `scale`.
        batch_size: crops.
        seed: of every random choice.

    Returns:
        Dataset of {"hr": uint8 [batch_size, hr_patch, hr_patch, 3], "lr": uint8 [batch_size, hr_patch / scale,
        hr_patch / scale, 3], "skipped": string [batch_size]}; `skipped` holds the names, a line each, of images
        that could not be read since the last ones named.

    Raises:
        InputError: `hr_patch` is not a multiple of `scale`.
        tf.errors.InvalidArgumentError: while iterating, when no image at all can be read.
    """
    if hr_patch % scale:
        every = math.lcm(scale, USUAL_MULTIPLE)
        raise InputError(
            f"`hr_patch` must be a multiple of the scale {scale}, such as {max(every, hr_patch // every * every)}. "
            f"Received: {hr_patch}."
        )
    total = sum(source.count for source in sources)
    degradation = config.degradation
    images = [_load_or_name(source, seed + index, not degradation, hr_patch) for index, source in enumerate(sources)]
    mixed = tf.data.Dataset.sample_from_datasets(images, [source.count / total for source in sources], seed=seed)

    def crops_of(index: tf.Tensor, image: dict[str, tf.Tensor]) -> tf.data.Dataset:
        def crop(number: tf.Tensor) -> dict[str, tf.Tensor]:
            crop_seed = tf.stack([tf.cast(seed, tf.int64), index * config.crops_per_picture + number])
            lr = None if degradation else image["lr"]
            cut = random_crop(image["hr"], lr, scale, hr_patch, crop_seed, config.flip, config.rotate)
            skipped = tf.where(number == 0, image["skipped"], "")
            return {**cut, "skipped": skipped, **({"seed": crop_seed} if degradation else {})}

        return tf.data.Dataset.range(config.crops_per_picture).map(crop)

    def degraded(crop: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        own_seed = tf.random.experimental.stateless_fold_in(crop["seed"], DEGRADATION_SERIES)
        lr = degrade(crop["hr"], scale, degradation, own_seed)
        return {"hr": crop["hr"], "lr": lr, "skipped": crop["skipped"]}

    crops = _carry_skipped(mixed, total).enumerate().flat_map(crops_of).shuffle(config.shuffle_buffer, seed=seed)
    if degradation:
        crops = crops.map(degraded, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return crops.batch(batch_size, drop_remainder=True).prefetch(2)


def random_crop(
    hr: tf.Tensor, lr: tf.Tensor | None, scale: int, hr_patch: int, seed: tf.Tensor, flip: bool, rotate: bool
) -> dict[str, tf.Tensor]:
    """Cut the same random window out of both images, and flip and rotate both alike.

    Args:
        hr: uint8 [scale * h, scale * w, 3].
        lr: uint8 [h, w, 3]; `None`: only HR is cut.
        scale: HR size / LR size.
        hr_patch: px, a multiple of `scale`, at most the image's sides.
        seed: int64 [2]; the same seed gives the same window.
        flip: left to right, or not, with equal chance.
        rotate: by 0, 90, 180 or 270 degrees with equal chance.

    Returns:
        {"hr": uint8 [hr_patch, hr_patch, 3], "lr": uint8 [hr_patch / scale, hr_patch / scale, 3]}.
    """
    patch = hr_patch // scale
    room = tf.shape(hr)[:2] // scale - patch + 1
    choices = tf.concat([room, [2, 4]], 0)
    uniform = tf.random.stateless_uniform([4], seed)
    top, left, flipped, turns = tf.unstack(tf.cast(uniform * tf.cast(choices, tf.float32), tf.int32))
    crops = {}
    images = [("hr", hr, hr_patch, scale)] + ([("lr", lr, patch, 1)] if lr is not None else [])
    for key, image, size, factor in images:
        crop = image[top * factor : top * factor + size, left * factor : left * factor + size]
        if flip:
            crop = tf.cond(flipped == 1, lambda crop=crop: crop[:, ::-1], lambda crop=crop: crop)
        if rotate:
            crop = tf.image.rot90(crop, turns)
        crops[key] = tf.ensure_shape(crop, [size, size, 3])
    return crops


def _load_or_name(source: Source, seed: int, with_lr: bool, smallest: int) -> tf.data.Dataset:
    """A source's images, loaded; one that cannot be is an empty image with its name and `ok` false.

    So is one smaller than its header promised when the folder was surveyed: no patch could be cut out of it.
    """
    nothing = tf.zeros([0, 0, 3], tf.uint8)

    def attempt(element: dict[str, tf.Tensor]) -> tf.data.Dataset:
        def loaded(element):
            hr, lr = source.load(element) if with_lr else (source.load_hr(element), nothing)
            with tf.control_dependencies([tf.debugging.assert_greater_equal(tf.shape(hr)[:2], smallest)]):
                return {"name": element["name"], "ok": True, "hr": tf.identity(hr), "lr": lr}

        def failed(element):
            return {"name": element["name"], "ok": False, "hr": nothing, "lr": nothing}

        one = tf.data.Dataset.from_tensors(element)
        return one.map(loaded).ignore_errors().concatenate(one.map(failed)).take(1)

    return source.stream(seed).interleave(
        attempt, cycle_length=PARALLEL_IMAGES, num_parallel_calls=PARALLEL_IMAGES, deterministic=True
    )


def _carry_skipped(images: tf.data.Dataset, total: int) -> tf.data.Dataset:
    """Drop what could not be read; the next readable image carries the names, so that the loop can report them."""

    def carry(state: tuple[tf.Tensor, tf.Tensor], image: dict[str, tf.Tensor]):
        names, in_a_row = state
        ok, name = image["ok"], image["name"]
        in_a_row = tf.where(ok, 0, in_a_row + 1)
        # Twice the number of images drawn at random without one that can be read: there is none.
        with tf.control_dependencies([tf.debugging.assert_less(in_a_row, 2 * total + 1, "no image can be read")]):
            kept = tf.where(ok, "", names + name + "\n")
        return (kept, in_a_row), {"ok": ok, "hr": image["hr"], "lr": image["lr"], "skipped": names}

    return images.scan((tf.constant(""), tf.constant(0)), carry).filter(lambda image: image["ok"])
