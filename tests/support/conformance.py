"""What a network family's training comes to, in numbers that are compared across strategies.

TF_CONFIG=... python -m support.conformance multi_worker FILE.npz
"""

import sys
from dataclasses import replace

import keras
import numpy as np
import tensorflow as tf

from esrgan_tf.recipes.configs import Recipe
from esrgan_tf.recipes.discriminators import ENetDiscriminatorConfig
from esrgan_tf.recipes.families import DiscriminatorConfig, GeneratorConfig
from esrgan_tf.recipes.generators import SRVGGConfig
from esrgan_tf.training import networks, terms
from esrgan_tf.training.cluster import worker_of
from esrgan_tf.training.distribution import make_strategy
from esrgan_tf.training.objective import build_terms
from esrgan_tf.training.steps import make_train_step
from support.tiny import NARROW, TINY
from support.training import build_plain_sgd, built, shaded_batch

STEPS = 5
OPTIMIZERS = {"sgd": build_plain_sgd, "adam": networks.build_adam}
LOSSES = {"patch": "least_squares", "unet": "standard"}  # of these discriminators; the others' are relativistic
Case = tuple[Recipe, str, str, int]  # recipe, stage, optimizer, parts


def _narrow(kind: type) -> GeneratorConfig | DiscriminatorConfig:
    """A family at toy width."""
    values = {name: value for name, value in NARROW.items() if hasattr(kind, name)} | {"scale": 2}
    if kind.__name__ == "SRCNNConfig":
        values["features"] = (4, 2)
    return kind(**{name: value for name, value in values.items() if name in kind.__dataclass_fields__})


def cases() -> dict[str, Case]:
    """Every generator in the psnr stage, every discriminator in the gan stage; what else a strategy might break."""
    small = replace(TINY, generator=_narrow(SRVGGConfig), gan=replace(TINY.gan, adversarial_weight=1.0))
    found = {
        f"generator {name}": (replace(TINY, generator=_narrow(kind)), "psnr", "sgd", 1)
        for name, kind in GeneratorConfig.kinds.items()
    }
    for name, kind in DiscriminatorConfig.kinds.items():
        gan = replace(small.gan, adversarial_loss=LOSSES.get(name, "relativistic"))
        found[f"discriminator {name}"] = (replace(small, discriminator=_narrow(kind), gan=gan), "gan", "sgd", 1)
    plain = replace(small, discriminator=_narrow(ENetDiscriminatorConfig))  # without BatchNorm, which sees parts
    clipped = replace(plain, gan=replace(plain.gan, clip_norm=1e-3, ldl_weight=1.0, ema_decay=0.9))
    return found | {
        "clipped, ldl": (clipped, "gan", "sgd", 1),
        "by Adam": (plain, "gan", "adam", 1),
        "in parts": (plain, "gan", "sgd", 2),
    }


def outcome(case: Case, strategy_name: str) -> dict[str, np.ndarray]:
    """Gradients of the first step, by plain gradient descent, each step's loss terms, all variables after five steps.

    Raises:
        AssertionError: the replicas of this process have different variables.
    """
    recipe, stage, optimizer, accumulate = case
    networks.build_adam = terms.build_adam = OPTIMIZERS[optimizer]
    try:
        keras.utils.set_random_seed(7)
        built_networks, built_terms, step = built(recipe, recipe.stage(stage), "float32", strategy_name, accumulate)
    finally:
        networks.build_adam = terms.build_adam = OPTIMIZERS["adam"]
    trainees = [built_networks.trainee, *(term.trainee for term in built_terms if term.trainee)]
    found = {}
    strategy = make_strategy(strategy_name)
    worker = worker_of(strategy)
    for index in range(STEPS):
        values = step(*(worker.share(images) for images in shaded_batch(index)))
        found |= {f"{name} of step {index}": value.numpy() for name, value in values.items()}
        if index == 0 and optimizer == "sgd":
            for trainee in trainees:
                gradients = zip(trainee.model.trainable_variables, trainee.optimizer.gradients, strict=True)
                found |= {f"gradient of {v.path}": gradient.numpy() for v, gradient in gradients}
    for trainee in trainees:
        for variable in trainee.model.variables:
            first, *others = (part.numpy() for part in strategy.experimental_local_results(variable.value))
            for other in others:
                np.testing.assert_array_equal(other, first, err_msg=variable.path)
            found[variable.path] = first
    return found


def spoiled_outcome(strategy_name: str) -> dict[str, np.ndarray]:
    """Variables before a step whose loss is not finite on the last replica alone, after it, and after a good one."""
    keras.utils.set_random_seed(7)
    strategy, stage = make_strategy(strategy_name), TINY.psnr
    built_networks = networks.build_networks(TINY, stage, "float32", strategy)
    (pixel,) = build_terms(TINY, stage, built_networks, "float32", strategy)
    measure, spoiled = pixel.measure, tf.Variable(True)

    def spoil(sr: tf.Tensor, hr: tf.Tensor) -> tf.Tensor:
        context = tf.distribute.get_replica_context()
        last = tf.equal(context.replica_id_in_sync_group, context.num_replicas_in_sync - 1)
        return measure(sr, hr) + tf.where(last & spoiled, float("nan"), 0.0)

    pixel.measure = spoil
    step = make_train_step(built_networks, (pixel,), strategy)
    images = [worker_of(strategy).share(part) for part in shaded_batch()]
    variables = [*built_networks.generator.variables, *built_networks.generator_optimizer.variables]
    found = {}
    for moment in ("before", "after a bad step", "after a good step"):
        found |= {f"{moment}, {index}": variable.numpy() for index, variable in enumerate(variables)}
        spoiled.assign(moment == "before")
        step(*images)
    return found


def main(strategy_name: str, file: str) -> None:
    """Write every case's outcome."""
    make_strategy(strategy_name)  # before anything is computed
    found = {name: outcome(case, strategy_name) for name, case in cases().items()}
    found["spoiled"] = spoiled_outcome(strategy_name)
    flat = {f"{name}|{what}": value for name, values in found.items() for what, value in values.items()}
    np.savez(file, **{key.replace("/", "\\"): value for key, value in flat.items()})


if __name__ == "__main__":
    tf.config.threading.set_intra_op_parallelism_threads(1)
    if count := sys.argv[1].count("CPU:"):
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * count)
    main(*sys.argv[1:])
