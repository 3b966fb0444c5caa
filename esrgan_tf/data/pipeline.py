"""From sources of whole images to endless batches of aligned crops.

Every random choice comes from a stateless seed, so that an iterator saved in a checkpoint resumes exactly where
it was, and two runs of one seed see the same batches.
"""

import tensorflow as tf

from esrgan_tf.data.crops import SIZE_SERIES, check_patch, degraded, random_crop, recoloured
from esrgan_tf.data.records.random_access import RandomAccess, are_records
from esrgan_tf.data.source import Element, Source
from esrgan_tf.image.resize import imresize_uint8
from esrgan_tf.recipes.configs import DataConfig

PARALLEL_IMAGES = 8  # decoded at a time


def training_batches(
    sources: list[Source], config: DataConfig, scale: int, hr_patch: int, batch_size: int, seed: int
) -> tf.data.Dataset:
    """Endless batches of aligned crops: shuffled images, several crops of each, shuffled crops.

    Args:
        sources: mixed in proportion to their numbers of images.
        config: crops an image, shuffle buffer, sizes, flips, rotations and colours, degradation.
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
    check_patch(hr_patch, scale)
    if are_records(sources):
        return RandomAccess(sources, config, scale, hr_patch, batch_size, seed).from_step(0)
    total = sum(source.count for source in sources)
    degradation = config.degradation
    images = [_load_or_name(source, config, hr_patch, seed + index) for index, source in enumerate(sources)]
    mixed = tf.data.Dataset.sample_from_datasets(images, [source.count / total for source in sources], seed=seed)

    def crops_of(index: tf.Tensor, image: dict[str, tf.Tensor]) -> tf.data.Dataset:
        def crop(number: tf.Tensor) -> dict[str, tf.Tensor]:
            crop_seed = tf.stack([tf.cast(seed, tf.int64), index * config.crops_per_picture + number])
            lr = None if degradation else image["lr"]
            cut = random_crop(image["hr"], lr, scale, hr_patch, crop_seed, config.flip, config.rotate)
            cut = recoloured(cut, crop_seed) if config.permute_colours else cut
            skipped = tf.where(number == 0, image["skipped"], "")
            return {**cut, "skipped": skipped, **({"seed": crop_seed} if degradation else {})}

        return tf.data.Dataset.range(config.crops_per_picture).map(crop)

    def with_lr(crop: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        lr = degraded(crop["hr"], scale, degradation, crop["seed"])
        return {"hr": crop["hr"], "lr": lr, "skipped": crop["skipped"]}

    crops = _carry_skipped(mixed, total).enumerate().flat_map(crops_of).shuffle(config.shuffle_buffer, seed=seed)
    if degradation:
        crops = crops.map(with_lr, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return crops.batch(batch_size, drop_remainder=True).prefetch(2)


def _load_or_name(source: Source, config: DataConfig, smallest: int, seed: int) -> tf.data.Dataset:
    """A source's images, loaded; one that cannot be is an empty image with its name and `ok` false.

    So is one smaller than its header promised when the folder was surveyed: no patch could be cut out of it.
    """
    nothing = tf.zeros([0, 0, 3], tf.uint8)
    elements = source.stream(seed)
    if config.multiscale:
        elements = elements.enumerate().map(lambda number, element: {**element, "seed": tf.stack([seed, number])})

    def load(element: Element) -> tuple[tf.Tensor, tf.Tensor]:
        if not config.degradation and not config.multiscale:
            return source.load(element)
        hr = source.load_hr(element)
        if config.multiscale:
            hr = _at_some_size(hr, config.multiscale, source.scale, smallest, element["seed"])
        return hr, nothing if config.degradation else imresize_uint8(hr, 1 / source.scale)

    def attempt(element: Element) -> tf.data.Dataset:
        def loaded(element):
            hr, lr = load(element)
            with tf.control_dependencies([tf.debugging.assert_greater_equal(tf.shape(hr)[:2], smallest)]):
                return {"name": element["name"], "ok": True, "hr": tf.identity(hr), "lr": lr}

        def failed(element):
            return {"name": element["name"], "ok": False, "hr": nothing, "lr": nothing}

        one = tf.data.Dataset.from_tensors(element)
        return one.map(loaded).ignore_errors().concatenate(one.map(failed)).take(1)

    return elements.interleave(
        attempt, cycle_length=PARALLEL_IMAGES, num_parallel_calls=PARALLEL_IMAGES, deterministic=True
    )


def _at_some_size(hr: tf.Tensor, shares: tuple[float, ...], scale: int, smallest: int, seed: tf.Tensor) -> tf.Tensor:
    """An image as it is, or shrunk to one of the shares of its size, with equal chances.

    Args:
        hr: uint8 [scale * h, scale * w, 3].
        shares: between 0 and 1; where the image would be smaller than `smallest`, it stays as it is.
        scale: HR size / LR size, of which the result's sides are multiples.
        smallest: px.
        seed: int64 [2].
    """

    def shrunk(share: float) -> tf.Tensor:
        small = imresize_uint8(hr, share)
        height, width = tf.unstack(tf.shape(small)[:2] // scale * scale)
        return small[:height, :width]

    seed = tf.random.experimental.stateless_fold_in(seed, SIZE_SERIES)
    drawn = tf.cast(tf.random.stateless_uniform([], seed) * (len(shares) + 1), tf.int32)
    share = tf.gather(tf.constant([1.0, *shares]), drawn)
    fits = tf.cast(tf.reduce_min(tf.shape(hr)[:2]), tf.float32) * share >= float(smallest)
    sizes = [lambda: hr, *(lambda share=share: shrunk(share) for share in shares)]
    return tf.switch_case(tf.where(fits, drawn, 0), sizes)


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
