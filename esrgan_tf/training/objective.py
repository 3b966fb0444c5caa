"""The loss terms of a stage, by the names of its recipe."""

import inspect

import tensorflow as tf

from esrgan_tf import losses
from esrgan_tf.errors import InputError
from esrgan_tf.recipes.configs import Recipe, StageConfig
from esrgan_tf.training.networks import Networks
from esrgan_tf.training.terms import (
    AdversarialTerm,
    ImageTerm,
    LDLTerm,
    MultiScaleSSIMTerm,
    PerceptualTerm,
    Setting,
    Term,
)


def build_terms(
    recipe: Recipe, stage: StageConfig, networks: Networks, precision: str, strategy: tf.distribute.Strategy
) -> tuple[Term, ...]:
    """Build what a stage minimises; a term of weight 0 is not built.

    Args:
        recipe: of the terms' networks.
        stage: one of its stages, perhaps changed.
        networks: of the generator, built under `strategy`.
        precision: Keras dtype policy.
        strategy: under which all variables are made.

    Raises:
        InputError: nothing to minimise, a loss that there is not, a patch too small for a term, or a network of a
            term that cannot be built so.
    """
    kinds = {  # in the order in which networks draw their random weights
        "pixel": (stage.pixel_weight, _pixel_term),
        "ms_ssim": (stage.ms_ssim_weight, MultiScaleSSIMTerm),
        "ldl": (stage.ldl_weight, LDLTerm),
        "adversarial": (stage.adversarial_weight, AdversarialTerm),
        "perceptual": (stage.perceptual_weight, PerceptualTerm),
    }
    setting = Setting(recipe, stage, networks, precision)
    with strategy.scope():
        terms = {name: kind(name, weight, setting) for name, (weight, kind) in kinds.items() if weight}
        terms |= {name: _registered_term(name, weight, setting) for name, weight in stage.extra_losses if weight}
    if not terms:
        raise InputError("the weight of at least one loss term must be above 0. Received: none.")
    reported = ("pixel", "perceptual", "ms_ssim", "ldl", "adversarial", *dict(stage.extra_losses))
    return tuple(terms[name] for name in reported if name in terms)


def reported_names(terms: tuple[Term, ...]) -> tuple[str, ...]:
    """The names of all values that a step reports, in their order."""
    return tuple(name for term in terms for name in term.reports)


def _pixel_term(name: str, weight: float, setting: Setting) -> Term:
    """The term that compares pixels."""
    return ImageTerm(name, weight, losses.named_loss(losses.PIXEL_LOSSES, setting.stage.pixel_loss, "pixel_loss"))


def _registered_term(name: str, weight: float, setting: Setting) -> Term:
    """A term that was registered by `register_loss`."""
    loss = losses.named_loss(losses.REGISTERED_LOSSES, name, "extra_losses")
    if not inspect.isclass(loss):
        return ImageTerm(name, weight, loss)
    return loss(name, weight, setting) if issubclass(loss, Term) else ImageTerm(name, weight, loss())
