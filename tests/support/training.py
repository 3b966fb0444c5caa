"""Networks, loss terms and a training step as a run builds them, and what tests find in them."""

import os
import signal
import zipfile

from esrgan_tf.training.callbacks import Callback
from esrgan_tf.training.distribution import make_strategy
from esrgan_tf.training.networks import build_networks
from esrgan_tf.training.objective import build_terms
from esrgan_tf.training.steps import make_train_step


def built(recipe, stage, precision="float32", strategy_name="cpu"):
    """(networks, terms, step) of a stage's configuration."""
    strategy = make_strategy(strategy_name)
    networks = build_networks(recipe, stage, precision, strategy)
    terms = build_terms(recipe, stage, networks, precision, strategy)
    return networks, terms, make_train_step(networks, terms, strategy, stage.clip_norm)


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
