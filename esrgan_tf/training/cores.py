"""A batch in parts, one for each core of a CPU.

An operation that is shared out over the cores waits for the last of them, and many are too small to be shared. Where
each has one thread, those of different parts run beside each other instead (benchmarks/NOTES.md).
"""

from collections.abc import Callable

import tensorflow as tf

from esrgan_tf.cpu import machine_cores
from esrgan_tf.recipes.configs import Recipe, StageConfig
from esrgan_tf.training.options import RunOptions

MOST_PARTS = 4  # each is traced for itself
Generate = Callable[[tf.Tensor], tf.Tensor]


def parts_of_batch(recipe: Recipe, stage: StageConfig, options: RunOptions, cores: int | None = None) -> int:
    """Number of parts in which a generator's step computes a batch; 1: as a whole.

    Args:
        recipe: of the generator.
        stage: one of its stages, perhaps changed.
        options: of the run. `remat` computes the batch as a whole: parts would take more memory.
        cores: of the CPU; `None`: those that may be used.
    """
    on_cpu = options.strategy == "cpu" or (options.strategy == "auto" and not tf.config.list_physical_devices("GPU"))
    if not options.own_process or options.remat or not on_cpu or recipe.generator.mixes_images:
        return 1
    cores = cores or machine_cores()
    together = stage.batch_size // max(options.accumulate, 1)
    return cores if cores <= MOST_PARTS and together % cores == 0 else 1


def claim_cores(recipe: Recipe, stage: StageConfig, options: RunOptions) -> int:
    """Number of parts, as `parts_of_batch`; TensorFlow then computes each operation in one thread.

    It must not have begun to compute yet, else the batch stays whole.
    """
    parts = parts_of_batch(recipe, stage, options)
    if parts > 1:
        try:
            tf.config.threading.set_intra_op_parallelism_threads(1)
        except RuntimeError:
            return 1
    return parts


def in_parts(generate: Generate, parts: int) -> Generate:
    """The same call, with the batch in equal parts.

    Args:
        generate: [n, h, w, 3] -> [n, scale * h, scale * w, 3], each image by itself.
        parts: of which n is a multiple.
    """

    def call(lr: tf.Tensor) -> tf.Tensor:
        return tf.concat([generate(part) for part in tf.split(lr, parts)], 0)

    return call
