"""What a run needs besides its recipe."""

from dataclasses import dataclass

import tensorflow as tf


@dataclass(frozen=True)
class RunOptions:
    """What a run needs besides its recipe. `None`: chosen here, and logged."""

    workdir: str | None = None
    data: str | tf.data.Dataset | None = None  # a dataset of images, or of (HR, LR) pairs; see `data.datasets`
    val_data: str | tf.data.Dataset | None = None
    init_from: str | None = None
    precision: str = "auto"
    strategy: str = "auto"
    seed: int = 0
    accumulate: int = 1  # parts in which each device computes its images: less memory, the same step
    own_process: bool = False  # whether the process only trains: a CPU's cores then compute a batch in parts
    remat: bool = False  # compute the generator's maps again for the gradient: less memory, more time
    refuse_test_images: bool = False  # where weights are made to be measured, rather than announce them
