"""Where training runs (tf.distribute strategy) and in which precision."""

import functools

import keras
import tensorflow as tf

from esrgan_tf import cpu
from esrgan_tf.errors import InputError
from esrgan_tf.log import Log, print_line
from esrgan_tf.training.cluster import multi_worker_strategy

PRECISIONS = ("auto", "float32", "mixed_bfloat16", "mixed_float16")
AMPERE = (8, 0)  # the first compute capability with bfloat16


def make_strategy(name: str, log: Log = print_line) -> tf.distribute.Strategy:
    """The strategy that `strategy` names.

    Args:
        name: `auto` (every GPU, or the CPU), `cpu`, `mirrored:DEVICE,DEVICE` such as `mirrored:GPU:0,GPU:2`, or
            `multi_worker` (every GPU, or the CPU, of the processes that TF_CONFIG or Slurm names).
        log: takes a line where other workers are waited for.

    Returns:
        A MirroredStrategy, or a MultiWorkerMirroredStrategy.

    Raises:
        InputError: unknown name, a device that is not there or named twice, or workers that are not named.
    """
    if name == "multi_worker":
        return multi_worker_strategy(log)
    kind, _, listed = name.partition(":")
    if name == "auto":
        devices = [f"GPU:{index}" for index in range(len(tf.config.list_logical_devices("GPU")))] or ["CPU:0"]
    elif name == "cpu":
        devices = ["CPU:0"]
    elif kind == "mirrored" and listed:
        devices = listed.upper().split(",")
    else:
        raise InputError(f"`strategy` must be auto, cpu, mirrored:DEVICE,DEVICE or multi_worker. Received: {name}.")
    present = [device.name.removeprefix("/device:") for device in tf.config.list_logical_devices()]
    for device in devices:
        if device not in present:
            raise InputError(f"`strategy` names a device that is not there: {device}. There are: {', '.join(present)}.")
    if len(set(devices)) < len(devices):
        raise InputError(f"`strategy` must name each device once. Received: {name}.")
    return _mirrored(tuple(devices))


def resolve_precision(name: str, strategy: tf.distribute.Strategy) -> str:
    """The Keras dtype policy that `precision` means on this hardware.

    Args:
        name: one of `PRECISIONS`; `auto` is mixed_bfloat16 where the hardware computes in bfloat16, else float32.
        strategy: where training will run.

    Returns:
        "float32", "mixed_bfloat16" or "mixed_float16".

    Raises:
        InputError: unknown name.
    """
    if name not in PRECISIONS:
        raise InputError(f"`precision` must be one of {', '.join(PRECISIONS)}. Received: {name}.")
    if name != "auto":
        return name
    on_gpu = any("GPU" in device for device in strategy.extended.worker_devices)
    return "mixed_bfloat16" if (_gpus_have_bfloat16() if on_gpu else cpu.has_bfloat16()) else "float32"


def scale_loss_if_half(optimizer: keras.optimizers.Optimizer, precision: str) -> keras.optimizers.Optimizer:
    """The optimizer, with dynamic loss scaling where float16 gradients would underflow."""
    return keras.optimizers.LossScaleOptimizer(optimizer) if precision == "mixed_float16" else optimizer


def is_scaled(optimizer: keras.optimizers.Optimizer) -> bool:
    """Whether the optimizer scales its loss, and skips a step whose scaled gradients overflow."""
    return isinstance(optimizer, keras.optimizers.LossScaleOptimizer)


def apply_gradients(
    optimizer: keras.optimizers.Optimizer, gradients: list, variables: list, clip_norm: float | None = None
) -> None:
    """Apply one replica's gradients; the optimizer sums them over all replicas.

    Keras' loss scaling looks for overflow on the first replica alone, before the sum. One replica's overflow is
    therefore made known to all of them first, so that every one skips the step. Keras' own clipping, too, comes
    before the sum and would measure each replica's part.

    Args:
        optimizer: Keras optimizer, built.
        gradients: one a variable, of the scaled loss.
        variables: trainable variables.
        clip_norm: where the gradients' global norm, summed over the replicas and not scaled, is above this, they are
            scaled down to it.
    """
    if is_scaled(optimizer):
        finite = tf.reduce_all([tf.reduce_all(tf.math.is_finite(gradient)) for gradient in gradients])
        overflows = tf.distribute.get_replica_context().all_reduce("sum", tf.cast(~finite, tf.float32))
        gradients = [tf.where(overflows > 0, tf.constant(float("nan"), g.dtype), g) for g in gradients]
    if clip_norm is not None:
        scale = keras.ops.convert_to_tensor(optimizer.dynamic_scale) if is_scaled(optimizer) else 1.0
        gradients = _clip_sum(gradients, clip_norm * scale)
    optimizer.apply(gradients, variables)


def global_mean(values: tf.Tensor) -> tf.Tensor:
    """Mean over the values of all replicas, differentiable; call it in a replica's context."""
    return tf.distribute.get_replica_context().all_reduce("mean", tf.reduce_mean(values))


def replica_part(batch: tf.Tensor) -> tf.Tensor:
    """The calling replica's share [batch / replicas, ...] of its worker's batch [batch, ...]."""
    context = tf.distribute.get_replica_context()
    replicas = len(context.strategy.extended.worker_devices)  # of this worker
    size = batch.shape[0] // replicas
    start = context.replica_id_in_sync_group % replicas * size
    return batch[start : start + size]


def _clip_sum(gradients: list[tf.Tensor], largest: tf.Tensor | float) -> list[tf.Tensor]:
    """Each replica's equal part of the gradients' sum over all of them, after clipping it by its global norm."""
    context = tf.distribute.get_replica_context()
    clipped, _ = tf.clip_by_global_norm(context.all_reduce("sum", gradients), largest)
    # The optimizer will sum over the replicas once more.
    return [gradient / context.num_replicas_in_sync for gradient in clipped]


@functools.cache
def _mirrored(devices: tuple[str, ...]) -> tf.distribute.Strategy:
    """One strategy for the same devices in a process: two would number their collectives alike and mix them up."""
    return tf.distribute.MirroredStrategy(devices)


def _gpus_have_bfloat16() -> bool:
    """Whether every GPU is Ampere or newer."""
    gpus = tf.config.list_physical_devices("GPU")
    return all(tf.config.experimental.get_device_details(g).get("compute_capability", (0, 0)) >= AMPERE for g in gpus)
