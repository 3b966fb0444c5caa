"""A stage's training step on JAX (KERAS_BACKEND=jax): the recipe's networks and losses, without TensorFlow."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

from esrgan_tf import losses
from esrgan_tf.errors import InputError
from esrgan_tf.models import build_discriminator, build_generator
from esrgan_tf.recipes.configs import Recipe, StageConfig
from esrgan_tf.training.perceptual import resolve_features
from esrgan_tf.training.schedules import learning_rate_schedule

State = dict[str, Any]  # of arrays


class Crops:
    """Images that lie on the accelerator whole, and batches of random crops of them, turned and mirrored.

    Args:
        pairs: (HR, LR) each, uint8 [scale * h, scale * w, 3] and [h, w, 3].
        scale: HR size / LR size.
        patch: px of LR, at most the smallest one's side.
        permute_colours: whether R, G and B are exchanged at random.
    """

    def __init__(
        self, pairs: Sequence[tuple[np.ndarray, np.ndarray]], scale: int, patch: int, permute_colours: bool = False
    ):
        self._scale, self._patch, self._permute_colours = scale, patch, permute_colours
        self._sizes = jnp.array([lr.shape[:2] for _, lr in pairs])
        self._starts = jnp.array(np.cumsum([0, *(lr.shape[0] * lr.shape[1] for _, lr in pairs[:-1])]))
        both = zip(*pairs, strict=True)
        self.pixels = tuple(jnp.concatenate([image.reshape(-1, 3) for image in images]) for images in both)

    def batch(self, pixels: tuple[jax.Array, jax.Array], key: jax.Array, count: int) -> tuple[jax.Array, jax.Array]:
        """`count` pairs (HR, LR) by a key, float32 [count, side, side, 3] in 0..1; `pixels` are this object's own."""
        hr, lr = pixels

        def pair(key: jax.Array) -> tuple[jax.Array, jax.Array]:
            of_image, of_place, of_turn, of_colours = jax.random.split(key, 4)
            image = jax.random.randint(of_image, (), 0, len(self._sizes))
            place = jax.random.randint(of_place, (2,), 0, self._sizes[image] - self._patch + 1)
            turn = jax.random.randint(of_turn, (), 0, 8)
            order = jax.random.permutation(of_colours, 3) if self._permute_colours else jnp.arange(3)
            cuts = (self._cut(hr, self._scale, image, place), self._cut(lr, 1, image, place))
            return tuple(_turned(cut, turn)[..., order] for cut in cuts)

        return jax.vmap(pair)(jax.random.split(key, count))

    def _cut(self, pixels: jax.Array, scale: int, image: jax.Array, place: jax.Array) -> jax.Array:
        """An image's crop at a place in LR."""
        steps = jnp.arange(scale * self._patch)
        rows, columns = (scale * place[:, None] + steps)[:, :, None]
        start, width = scale**2 * self._starts[image], scale * self._sizes[image, 1]
        return pixels[start + rows * width + columns.T] / jnp.float32(255)


def _turned(image: jax.Array, turn: jax.Array) -> jax.Array:
    """A square image in one of its eight positions."""
    image = jnp.where(turn & 1, image[::-1], image)
    image = jnp.where(turn & 2, image[:, ::-1], image)
    return jnp.where(turn & 4, jnp.swapaxes(image, 0, 1), image)


class _Trainee:
    """A network and its Adam, whose variables are kept outside of them."""

    def __init__(self, model: keras.Model, stage: StageConfig):
        self.model = model
        self._adam = keras.optimizers.Adam(
            learning_rate_schedule(stage), stage.beta_1, stage.beta_2, stage.epsilon, global_clipnorm=stage.clip_norm
        )
        self._adam.build(model.trainable_variables)

    def initial_state(self) -> State:
        """The variables, as they are."""
        variables = (self.model.trainable_variables, self.model.non_trainable_variables, self._adam.variables)
        values = [[jnp.array(variable.value) for variable in group] for group in variables]
        return dict(zip(("weights", "statistics", "adam"), values, strict=True))

    def updated(self, state: State, gradients: list[jax.Array], statistics: list[jax.Array]) -> State:
        """The state after a step."""
        weights, adam = self._adam.stateless_apply(state["adam"], gradients, state["weights"])
        return {"weights": weights, "statistics": statistics, "adam": adam}


class StageOnJax:
    """One stage of a recipe: its state, and the step that changes it.

    The terms are those of `esrgan_tf.training.terms`, but for MS-SSIM and losses that were registered.

    Args:
        recipe: of the networks.
        stage: one of its stages.
        precision: Keras dtype policy.
        generator: to start from; `None` is the recipe's, random.

    Raises:
        InputError: terms that are not known here.
    """

    def __init__(self, recipe: Recipe, stage: StageConfig, precision: str, generator: keras.Model | None = None):
        if stage.ms_ssim_weight or stage.extra_losses:
            raise InputError("`ms_ssim_weight` must be 0 and `extra_losses` empty: they are not known here.")
        self._stage = stage
        built = build_generator(recipe.generator, recipe.name, precision)
        if generator:
            built.set_weights(generator.get_weights())
        self._generator, self._discriminator, self._features = _Trainee(built, stage), None, None
        self.trained = build_generator(recipe.generator, recipe.name)
        if stage.adversarial_weight:
            model = build_discriminator(recipe.discriminator, stage.hr_patch, precision)
            self._discriminator = _Trainee(model, stage)
        if stage.perceptual_weight:
            self._features, _ = resolve_features(recipe.perceptual, precision)
            self._layers, self._textures = dict(recipe.perceptual.layers), dict(recipe.perceptual.texture_layers)

    @property
    def models(self) -> list[keras.Model]:
        """The networks that are trained, the generator first; a state has their variables' values."""
        return [trainee.model for trainee in (self._generator, self._discriminator) if trainee]

    def initial_state(self) -> State:
        """Variables of all networks, the generator's moving average, and the number of steps."""
        generator = self._generator.initial_state()
        discriminator = self._discriminator.initial_state() if self._discriminator else {"weights": []}
        average = [jnp.array(weight) for weight in generator["weights"]]
        return {"generator": generator, "discriminator": discriminator, "average": average, "step": jnp.array(0)}

    def generate(self, generator: State, lr: jax.Array) -> jax.Array:
        """What the generator makes of a batch [n, h, w, 3] in 0..1, by its part of a state."""
        sr, _ = self._generator.model.stateless_call(generator["weights"], generator["statistics"], lr, training=False)
        return sr

    def step(self, state: State, batch: tuple[jax.Array, jax.Array]) -> tuple[State, dict[str, jax.Array]]:
        """Train on one batch (HR, LR), and return the state and the unweighted terms; pure, to be compiled."""
        both = [state["generator"]["weights"], state["discriminator"]["weights"]]
        loss_values, pull, found = jax.vjp(partial(self._losses, state, batch), *both, has_aux=True)
        terms, statistics, statistics_d = found
        one, zero = jnp.ones_like(loss_values[0]), jnp.zeros_like(loss_values[0])
        gradients, _ = pull((one, zero))
        generator = self._generator.updated(state["generator"], gradients, statistics)
        discriminator = state["discriminator"]
        if self._discriminator:
            _, gradients = pull((zero, one))
            discriminator = self._discriminator.updated(discriminator, gradients, statistics_d)
        kept = jnp.where(state["step"] > 0, self._stage.ema_decay or 0.0, 0.0)
        average = jax.tree.map(lambda old, new: kept * old + (1 - kept) * new, state["average"], generator["weights"])
        after = {"generator": generator, "discriminator": discriminator, "average": average, "step": state["step"] + 1}
        return after, terms

    def many(self, count: int, crops: Crops) -> Callable[..., tuple[State, dict[str, jax.Array]]]:
        """Make (state, crops.pixels, key) -> the state after `count` steps, and the mean terms; compiled."""

        def one(pixels: tuple[jax.Array, jax.Array], key: jax.Array, state: State, _: None):
            key = jax.random.fold_in(key, state["step"])
            return self.step(state, crops.batch(pixels, key, self._stage.batch_size))

        def run(state: State, pixels: tuple[jax.Array, jax.Array], key: jax.Array):
            state, terms = jax.lax.scan(partial(one, pixels, key), state, None, count)
            return state, {name: jnp.mean(values) for name, values in terms.items()}

        return jax.jit(run, donate_argnums=0)

    def update_trained(self, state: State) -> None:
        """Bring the float32 generator `trained` up to date: the moving average, or the weights where none is kept."""
        values = [state["average"], state["generator"]["statistics"]]
        variables = [self.trained.trainable_variables, self.trained.non_trainable_variables]
        for group, own in zip(variables, values, strict=True):
            for variable, value in zip(group, own, strict=True):
                variable.assign(value)

    def _losses(self, state: State, batch: tuple[jax.Array, jax.Array], weights: list, weights_d: list):
        """((the generator's loss, the discriminator's), (terms, statistics of both networks))."""
        stage, (hr, lr) = self._stage, batch
        model, statistics = self._generator.model, state["generator"]["statistics"]
        sr, statistics = model.stateless_call(weights, statistics, lr, training=True)
        terms = {"pixel": losses.PIXEL_LOSSES[stage.pixel_loss](sr, hr)}
        total, own, statistics_d = stage.pixel_weight * terms["pixel"], jnp.float32(0), None
        if stage.ldl_weight:
            stable, _ = model.stateless_call(state["average"], statistics, lr, training=False)
            terms["ldl"] = losses.ldl_loss(sr, jax.lax.stop_gradient(stable), hr)
            total += stage.ldl_weight * terms["ldl"]
        if self._features:
            criterion = losses.FEATURE_LOSSES[stage.perceptual_loss]
            parts = (self._features, self._layers, sr, hr, criterion, self._textures)
            terms["perceptual"] = losses.perceptual_loss(*parts)
            total += stage.perceptual_weight * terms["perceptual"]
        if self._discriminator:
            critic, statistics_d = self._discriminator.model, state["discriminator"]["statistics"]
            real, statistics_d = critic.stateless_call(weights_d, statistics_d, hr, training=True)
            fake, statistics_d = critic.stateless_call(weights_d, statistics_d, sr, training=True)
            of_generator, of_discriminator = losses.ADVERSARIAL_LOSSES[stage.adversarial_loss]
            terms["adversarial"], own = of_generator(real, fake), of_discriminator(real, fake)
            terms |= {"discriminator": own, "logit_margin": jnp.mean(real) - jnp.mean(fake)}
            total += stage.adversarial_weight * terms["adversarial"]
        return (total, own), (terms, statistics, statistics_d)
