"""The names that recipes know losses by; `register_loss` adds a user's."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from esrgan_tf.errors import InputError, check_one_of
from esrgan_tf.losses.adversarial import (
    least_squares_discriminator_loss,
    least_squares_generator_loss,
    relativistic_discriminator_loss,
    relativistic_generator_loss,
    standard_discriminator_loss,
    standard_generator_loss,
)
from esrgan_tf.losses.pixel import charbonnier_loss, l1_loss, mse_loss

Loss = TypeVar("Loss")
PIXEL_LOSSES = {"l1": l1_loss, "mse": mse_loss, "charbonnier": charbonnier_loss}
FEATURE_LOSSES = {"l1": l1_loss, "mse": mse_loss}
ADVERSARIAL_LOSSES = {  # of the generator, of the discriminator
    "relativistic": (relativistic_generator_loss, relativistic_discriminator_loss),
    "standard": (standard_generator_loss, standard_discriminator_loss),
    "least_squares": (least_squares_generator_loss, least_squares_discriminator_loss),
}
RESERVED_NAMES = (  # of a training's own values
    *("pixel", "perceptual", "ms_ssim", "ldl", "adversarial", "discriminator", "logit_margin"),
    *("psnr_y", "ssim_y"),
)
REGISTERED_LOSSES: dict[str, Callable] = {}


def register_loss(name: str) -> Callable[[Loss], Loss]:
    """Decorator that makes a loss term known to recipes, whose stage names it with its weight in `extra_losses`.

        @register_loss("total_variation")
        def total_variation(sr, hr): ...          # -> scalar

        @register_loss("style")
        class Style:                              # built once a run, under the strategy's scope
            def __init__(self): self.models = (build_my_features(),)
            def __call__(self, sr, hr): ...

    A function or an object compares sr with hr, both [batch, height, width, 3] in 0..1, on each replica; held-out
    images are measured by it too. `models` are an object's own networks, whose state a skipped step restores. A
    subclass of `esrgan_tf.training.terms.Term` can do more, such as train a network of its own.

    Args:
        name: of the term in recipes, metrics.csv and TensorBoard.

    Raises:
        InputError: a name that is taken, or is no identifier.
    """
    if not name.isidentifier() or name in RESERVED_NAMES:
        raise InputError(f"`name` must be an identifier, and none of {', '.join(RESERVED_NAMES)}. Received: {name}.")

    def register(loss: Loss) -> Loss:
        if name in REGISTERED_LOSSES:
            raise InputError(f"`name` must be registered once. Received: {name}, which is registered.")
        REGISTERED_LOSSES[name] = loss
        return loss

    return register


def named_loss(table: Mapping[str, Loss], name: str, field: str) -> Loss:
    """Looks a recipe's loss up by its name.

    Args:
        table: one of those above.
        name: as the recipe has it.
        field: of the recipe, for the message.

    Raises:
        InputError: the table has no such name.
    """
    check_one_of(field, name, table)
    return table[name]
