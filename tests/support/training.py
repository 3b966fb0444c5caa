"""Networks, loss terms and a training step as a run builds them, and what tests find in them."""

import os
import signal
import zipfile

import keras
import numpy as np
import tensorflow as tf

from esrgan_tf.training.accumulation import make_accumulating_step
from esrgan_tf.training.callbacks import Callback
from esrgan_tf.training.distribution import make_strategy
from esrgan_tf.training.networks import build_networks
from esrgan_tf.training.objective import build_terms
from esrgan_tf.training.steps import make_train_step


def built(recipe, stage, precision="float32", strategy_name="cpu", accumulate=1):
    """(networks, terms, step) of a stage's configuration."""
    strategy = make_strategy(strategy_name)
    networks = build_networks(recipe, stage, precision, strategy)
    terms = build_terms(recipe, stage, networks, precision, strategy)
    parts = (networks, terms, strategy, stage.clip_norm)
    step = make_accumulating_step(*parts, accumulate=accumulate) if accumulate > 1 else make_train_step(*parts)
    return networks, terms, step


def batch(seed=0):
    """Four patches of noise, HR of 32 px and LR of 16 px."""
    return _noise(4, seed)


def shaded_batch(seed=0):
    """Eight patches, of several brightnesses: the mean of some is not that of all."""
    brightness = np.linspace(1, 0.1, 8).reshape(8, 1, 1, 1)
    return tuple(tf.constant((images.numpy() * brightness).astype(np.uint8)) for images in _noise(8, seed))


def _noise(count, seed):
    """(HR, LR)."""
    hr = np.random.default_rng(seed).integers(0, 256, (count, 32, 32, 3)).astype(np.uint8)
    return tf.constant(hr), tf.constant(hr[:, ::2, ::2])


class PlainSGD(keras.optimizers.SGD):
    """Gradient descent that keeps the last step's gradients, summed over the replicas, as `gradients`."""

    def build(self, variables):
        super().build(variables)
        self.gradients = [self.add_variable_from_reference(variable, "gradient") for variable in variables]

    def update_step(self, gradient, variable, learning_rate):
        self.assign(self.gradients[self._get_variable_index(variable)], gradient)
        super().update_step(gradient, variable, learning_rate)


def build_plain_sgd(stage, model, precision, ema_decay):
    """In the place of `networks.build_adam`, which turns rounding errors of tiny gradients into whole steps."""
    optimizer = PlainSGD(1e-3, use_ema=ema_decay is not None, ema_momentum=ema_decay or 0.0)
    optimizer.build(model.trainable_variables)
    return optimizer


def term_of(terms, name):
    """The term of that name."""
    return next(term for term in terms if term.name == name)


def discriminator_of(terms):
    """The adversarial term's discriminator."""
    return term_of(terms, "adversarial").trainee.model


def features_of(terms):
    """The perceptual term's feature network."""
    return term_of(terms, "perceptual").models[0]


class InterruptAt(Callback):
    """Ctrl-C after a step."""

    def __init__(self, step):
        self._step = step

    def on_step_end(self, session, batch, terms):
        if session.step == self._step:
            os.kill(os.getpid(), signal.SIGINT)


def left_by(folder):
    """What a stage leaves but for the times at which generators were written: a checkpoint is the same to the byte.

    It holds weights, moving average, optimizer slots, the position in the data, the best score and sums of losses.
    """
    left = {path.name: path.read_bytes() for path in (folder / "metrics.csv", *folder.glob("checkpoints/*"))}
    for name in ("generator.keras", "generator_last.keras"):
        with zipfile.ZipFile(folder / name) as archive:
            left[name] = archive.read("model.weights.h5")
    return left
