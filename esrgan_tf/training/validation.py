"""Validates a generator on held-out images: loss terms, PSNR and SSIM, and panels."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from esrgan_tf.errors import InputError, TrainingStopped
from esrgan_tf.image.io import to_float, to_uint8
from esrgan_tf.image.panels import stack_rows, upscale_nearest
from esrgan_tf.image.resize import bicubic_upscale
from esrgan_tf.image.workers import Workers
from esrgan_tf.metrics.comparison import Scores, comparison_panel
from esrgan_tf.metrics.psnr_ssim import psnr, ssim
from esrgan_tf.training.cluster import gathered, worker_of
from esrgan_tf.training.networks import Networks
from esrgan_tf.training.terms import Term

PANEL_ROWS = 4  # images in a panel
PANEL_CROP = 128  # HR px of each, where it has the most detail


@dataclass(frozen=True)
class Validation:
    """Means over the held-out images, and a panel (uint8) of the first: a worker's own, `None` where it has none."""

    metrics: dict[str, float]
    panel: np.ndarray | None


class Validator:
    """Measures `networks.evaluated` on fixed images, Y channel, `scale` px cropped at each border.

    The images are shared out over the replicas.
    """

    def __init__(
        self,
        images: Sequence[tuple[str, tf.Tensor, tf.Tensor]],
        networks: Networks,
        terms: Sequence[Term],
        scale: int,
        strategy: tf.distribute.Strategy,
        concurrency: int = 1,
    ):
        """Keep the images as arrays, and measure bicubic on them.

        Args:
            images: names, HR and LR, uint8.
            networks: of the generator.
            terms: those that are `measured` are.
            scale: of the generator.
            strategy: under which the networks are built.
            concurrency: images that each replica computes at a time, where one operation takes one core alone.

        Raises:
            InputError: one is too small for a loss term.
        """
        measured = [term for term in terms if term.measured]
        smallest_side = max((term.smallest_side for term in measured), default=1)
        for name, hr, _ in images:
            if min(hr.shape[:2]) < smallest_side:
                raise InputError(
                    f"held-out images must be at least {smallest_side} px on each side for this "
                    f"ms_ssim_weight and hr_patch. Received: `{name}` of {hr.shape[1]} x {hr.shape[0]} px."
                )
        self._scale = scale
        self._images = [(name, hr.numpy(), lr.numpy()) for name, hr, lr in images]
        self._references = [self._reference_scores(hr, lr) for _, hr, lr in self._images]
        largest = max(max(hr.shape[:2]) for _, hr, _ in self._images)
        bicubic = np.mean([scores["bicubic"][0] for scores in self._references])
        self.what = f"{len(images)} images, up to {largest} px around their centre; bicubic {bicubic:.2f} dB"

        self._strategy, self._workers = strategy, Workers(concurrency)

        def upscale(hr: tf.Tensor, lr: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
            sr = networks.evaluated(lr, training=False)
            return sr, {term.name: term.measure(sr, hr) for term in measured}

        # As few traces as can be where the images' sizes differ.
        self._upscale = tf.function(
            lambda hr, lr: strategy.run(upscale, args=(hr, lr)), autograph=False, reduce_retracing=True
        )
        self._names = (*(term.name for term in measured), "psnr_y", "ssim_y")

    def __call__(self) -> Validation:
        """Validate the generator as `update_evaluated` left it; every worker must.

        Raises:
            TrainingStopped: its output is not finite.
        """
        rows, panels = np.zeros((len(self._images), len(self._names))), []
        for index, sr_01, values in self._outputs():
            name, hr, lr = self._images[index]
            if not np.isfinite(sr_01).all():
                rows[index] = np.nan
                continue
            scores = self._scores(to_uint8(sr_01), hr)
            rows[index] = (*values, *scores)
            if len(panels) < PANEL_ROWS:
                caption = f"{name}, generated"
                known = self._references[index] | {caption: scores}
                cells = [(caption, sr_01)]
                panels.append(
                    comparison_panel(to_float(lr), cells, self._scale, to_float(hr), PANEL_CROP, scores=known)
                )
        rows = gathered(self._strategy, rows).sum(0)
        for (name, _, _), row in zip(self._images, rows, strict=True):
            if np.isnan(row).all():
                raise TrainingStopped(f"the generator's output for held-out `{name}` is not finite.")
        metrics = dict(zip(self._names, rows.mean(0).tolist(), strict=True))
        return Validation(metrics, stack_rows(panels) if panels else None)

    def _outputs(self) -> Iterator[tuple[int, np.ndarray, list[float]]]:
        """(index, generator's output, loss terms) of this worker's images: each replica has some at a time."""
        worker, own = worker_of(self._strategy), len(self._strategy.extended.worker_devices)
        pairs = [tuple(to_float(image)[None] for image in pair) for _, *pair in self._images]

        def measured(first: int) -> list[tuple[int, np.ndarray, list[float]]]:
            indices = [min(first + replica, len(pairs) - 1) for replica in range(own)]
            hr, lr = (self._on_replicas([pairs[index][kind] for index in indices]) for kind in range(2))
            results = self._strategy.experimental_local_results(self._upscale(hr, lr))[: len(pairs) - first]
            return [
                (index, sr[0].numpy(), [float(value) for value in terms.values()])
                for index, (sr, terms) in enumerate(results, first)
            ]

        for group in self._workers.stream(measured, range(worker.index * own, len(pairs), worker.count * own)):
            yield from group

    def _on_replicas(self, images: list[np.ndarray]) -> Any:
        """One image [1, h, w, 3] on each of this worker's replicas."""

        def image(context: tf.distribute.DistributedValues) -> tf.Tensor:
            return tf.constant(images[context.replica_id_in_sync_group % len(images)])

        return self._strategy.experimental_distribute_values_from_function(image)

    def _reference_scores(self, hr: np.ndarray, lr: np.ndarray) -> dict[str, Scores]:
        """Scores of the panel's cells that no training changes."""
        lr_01 = to_float(lr)
        cells = {"input": upscale_nearest(lr_01, self._scale), "bicubic": bicubic_upscale(lr_01, self._scale)}
        return {caption: self._scores(to_uint8(image), hr) for caption, image in cells.items()}

    def _scores(self, image: np.ndarray, hr: np.ndarray) -> Scores:
        """(PSNR in dB, SSIM) of uint8 images."""
        return psnr(image, hr, self._scale), ssim(image, hr, self._scale)
