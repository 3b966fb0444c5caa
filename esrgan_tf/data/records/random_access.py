"""Batches of crops read from records at random: which they are follows from seed and step alone.

There is no shuffle buffer and no position but the step: training resumes at any step without a saved iterator, and
several workers read a part of each batch without knowing of each other.
"""

import functools
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from esrgan_tf.data.crops import check_patch, degraded, draw_window, recoloured
from esrgan_tf.data.records.source import RecordsSource
from esrgan_tf.data.records.sub_images import HR, lr_kind
from esrgan_tf.data.source import Source
from esrgan_tf.errors import InputError
from esrgan_tf.recipes.configs import DataConfig

ENDLESS = np.iinfo(np.int64).max
IN_PARALLEL = {"num_parallel_calls": tf.data.AUTOTUNE, "deterministic": True}


class RandomAccess:
    """The crops of a run, by number: in every epoch one of each sub-image, in another order.

    Crop j of step s is number k = s * batch_size + j, of epoch e = k // N for N sub-images: the sub-image is that at
    k % N in the permutation of (seed, e); its window is drawn as `random_crop` draws with the seed (seed, k).
    """

    def __init__(
        self,
        sources: Sequence[RecordsSource],
        config: DataConfig,
        scale: int,
        hr_patch: int,
        batch_size: int,
        seed: int,
    ):
        """Keep what is drawn from.

        Args:
            sources: whose sub-images are mixed, each as often as any other.
            config: flips, rotations and colours, degradation.
            scale: HR size / LR size.
            hr_patch: px, a multiple of `scale`.
            batch_size: crops of a step.
            seed: of every random choice.

        Raises:
            InputError: `hr_patch` is not a multiple of `scale`.
        """
        check_patch(hr_patch, scale)
        self._sources, self._config, self._seed = sources, config, seed
        self._scale, self._hr_patch, self._batch_size = scale, hr_patch, batch_size
        self._ends = np.cumsum([len(source.numbers) for source in sources])  # of each source among all sub-images
        self._sides = np.array([source.records.cutting.crop // scale for source in sources], np.int32)  # LR px

    def from_step(self, step: int, worker: int = 0, workers: int = 1) -> tf.data.Dataset:
        """Endless batches, of which the first is that of a step.

        Args:
            step: from 0.
            worker: which part of every batch is read, from 0.
            workers: number of equal parts, by which `batch_size` can be divided.

        Returns:
            Dataset as of `pipeline.training_batches`, of `batch_size / workers` crops; no image is ever `skipped`.

        Raises:
            InputError: `batch_size` cannot be divided by `workers`.
            tf.errors.OpError: while iterating, when a file has been cut off or removed.
        """
        if self._batch_size % workers:
            raise InputError(f"`batch_size` must be a multiple of the {workers} workers. Received: {self._batch_size}.")
        share = self._batch_size // workers

        def number(index: tf.Tensor) -> tf.Tensor:
            return index // share * self._batch_size + worker * share + index % share

        crops = tf.data.Dataset.range(step * share, ENDLESS).map(number).map(self._draw, **IN_PARALLEL)
        batches = crops.batch(share, drop_remainder=True).map(self._read, **IN_PARALLEL)
        if self._is_finished_singly:
            batches = batches.unbatch().map(self._finish, **IN_PARALLEL).batch(share, drop_remainder=True)
        return batches.prefetch(2)

    @property
    def _is_finished_singly(self) -> bool:
        """Whether something is made of each crop once it is cut."""
        return bool(self._config.degradation or self._config.permute_colours)

    def _draw(self, number: tf.Tensor) -> dict[str, tf.Tensor]:
        """Seed of a crop's number (int64), and where it lies: int64 [6], as `_copy` takes it."""
        count = tf.constant(self._ends[-1], tf.int64)
        # Crops are drawn with (seed, number) from number 0 on: with a number below 0 no crop is.
        epoch_seed = tf.stack([tf.cast(self._seed, tf.int64), -1 - number // count])
        # Through random numbers, since the permutation takes but 32 bits of each part of its seed.
        permutation = tf.random.stateless_uniform([2], epoch_seed, None, None, tf.int32)
        sub_image = tf.random.experimental.index_shuffle(number % count, permutation, count - 1)
        source = tf.searchsorted(self._ends, [sub_image], "right")[0]
        seed = tf.stack([tf.cast(self._seed, tf.int64), number])
        size = tf.repeat(tf.gather(self._sides, source), 2)
        window = tf.stack(draw_window(size, self._hr_patch // self._scale, seed))
        place = tf.concat([[tf.cast(source, tf.int64), sub_image], tf.cast(window, tf.int64)], 0)
        return {"seed": seed, "place": place}

    def _read(self, drawn: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Crops of a batch, HR, LR where no degradation makes it, and the seeds where they are needed again."""
        scale, patch = self._scale, self._hr_patch // self._scale
        kinds = {"hr": (HR, scale, self._hr_patch)}
        kinds |= {} if self._config.degradation else {"lr": (lr_kind(scale), 1, patch)}
        crops = {"seed": drawn["seed"]} if self._is_finished_singly else {}
        for name, (kind, factor, size) in kinds.items():
            copy = functools.partial(self._copy, kind=kind, factor=factor, size=size)
            batch = tf.numpy_function(copy, [drawn["place"]], tf.uint8)
            crops[name] = tf.ensure_shape(batch, [drawn["place"].shape[0], size, size, 3])
        return crops | {"skipped": tf.fill([drawn["place"].shape[0]], "")}

    def _copy(self, places: np.ndarray, kind: str, factor: int, size: int) -> np.ndarray:
        """Windows of one kind, flipped and turned: uint8 [n, size, size, 3].

        `places`, [n, 6]: source, sub-image among all, and `crops.Window`.
        """
        crops = np.empty((len(places), size, size, 3), np.uint8)
        for crop, (source, sub_image, top, left, flipped, turns) in zip(crops, places, strict=True):
            opened = self._sources[source]
            number = opened.numbers[sub_image - self._ends[source]]  # counted from the end
            window = opened.records.read(kind, number, top * factor, left * factor, size)
            flip, turns = self._config.flip and flipped, turns if self._config.rotate else 0
            window = np.rot90(window[:, ::-1] if flip else window, turns)
            for channel in range(3):  # in turn, which is three times as fast where rows become columns
                crop[..., channel] = window[..., channel]
        return crops

    def _finish(self, crop: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """A crop in other colours, and with the LR of a degradation, as the recipe has it."""
        seed, skipped = crop["seed"], crop["skipped"]
        images = {name: crop[name] for name in ("hr", "lr") if name in crop}
        if self._config.permute_colours:
            images = recoloured(images, seed)
        if self._config.degradation:
            images["lr"] = degraded(images["hr"], self._scale, self._config.degradation, seed)
        return images | {"skipped": skipped}


def are_records(sources: Sequence[Source]) -> bool:
    """Whether all sources are records, which are read by random access.

    Raises:
        InputError: some are, others are not.
    """
    others = [source.name for source in sources if not isinstance(source, RecordsSource)]
    if others and len(others) < len(sources):
        raise InputError(
            f"`data` must not join records with other images: prepare these as well (`esrgan prepare`), or leave them "
            f"out. Received: {', '.join(others)} beside records."
        )
    return not others
