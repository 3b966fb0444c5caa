"""What networks and losses give at toy width, with weights drawn by NumPy: the same on every Keras backend.

`python backend_values.py FILE` writes the values of JAX.
"""

import sys

import keras
import numpy as np

from esrgan_tf import losses
from esrgan_tf.metrics.ms_ssim import ms_ssim_loss
from esrgan_tf.models import build_discriminator, build_generator
from esrgan_tf.models.distilled_features import distilled_vgg19_features
from esrgan_tf.models.features import vgg_features
from esrgan_tf.recipes.overrides import override
from support.tiny import narrowed

FORWARD = ("esrgan", "srgan", "srvgg", "msrresnet", "enhancenet", "edsr", "rcan", "srcnn", "span", "phone")
TRAINED = ("esrgan", "srgan", "srvgg")  # each with another discriminator or adversarial loss
STEPS = 3
GAN = override(narrowed("compact", STEPS), {"perceptual.weights": "shipped"})  # with all kinds of terms
LAYERS = {"conv1_1": 0.1, "conv1_2": 1.0}
HR = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype("float32") / np.float32(255)
LR = HR[:, ::2, ::2]


def draw_weights(model: keras.Model) -> keras.Model:
    """The model with new weights; variances are positive."""
    rng = np.random.default_rng(1)
    drawn = [(v, rng.normal(0, 0.1, v.shape).astype("float32")) for v in model.variables if "seed" not in v.path]
    for variable, value in drawn:
        variable.assign(abs(value) + 0.5 if "variance" in variable.path else value)
    return model


def outputs() -> dict[str, np.ndarray]:
    """Every family's image, every loss of fixed tensors, and distilled features, in float32."""
    found = {}
    for name in FORWARD:
        generator = draw_weights(build_generator(narrowed(name, 1).generator, name))
        found[f"image of {name}"] = keras.ops.convert_to_numpy(generator(LR))
    for name, loss in losses.PIXEL_LOSSES.items():
        found[f"pixel loss {name}"] = keras.ops.convert_to_numpy(loss(HR, HR[::-1]))
    logits = 10 * HR[:, 0, 0] - 5
    for name, pair in losses.ADVERSARIAL_LOSSES.items():
        for of, loss in zip(("generator", "discriminator"), pair, strict=True):
            found[f"{name} {of} loss"] = keras.ops.convert_to_numpy(loss(logits, -2 * logits[::-1]))
    found["ms_ssim loss"] = keras.ops.convert_to_numpy(ms_ssim_loss(HR, HR**2, scales=2))
    found["ldl loss"] = keras.ops.convert_to_numpy(losses.ldl_loss(HR, HR[::-1], HR**2))
    for name, features in distilled_vgg19_features(["conv1_1", "conv5_1"])(HR).items():
        found[f"distilled features {name}"] = keras.ops.convert_to_numpy(features)
    return found


def training_loss(name: str):
    """(a recipe's loss at toy width in bfloat16 as a function of the generator's weights, those weights)."""
    recipe = narrowed(name, 1)
    generator = draw_weights(build_generator(recipe.generator, name, "mixed_bfloat16"))
    discriminator = draw_weights(build_discriminator(recipe.discriminator, 32))
    features = draw_weights(vgg_features(list(LAYERS), weights="random"))
    generator_loss, discriminator_loss = losses.ADVERSARIAL_LOSSES[recipe.gan.adversarial_loss]

    def loss(weights: list):
        sr, _ = generator.stateless_call(weights, values(generator.non_trainable_variables), LR, training=True)
        trained, state = values(discriminator.trainable_variables), values(discriminator.non_trainable_variables)
        real, fake = (discriminator.stateless_call(trained, state, x, training=True)[0] for x in (HR, sr))
        return (
            losses.PIXEL_LOSSES[recipe.psnr.pixel_loss](sr, HR)
            + losses.perceptual_loss(features, LAYERS, sr, HR)
            + generator_loss(real, fake)
            + discriminator_loss(real, fake)
        )

    return loss, values(generator.trainable_variables)


def steps_on_jax() -> dict[str, np.ndarray]:
    """A gan stage's terms in three steps by `benchmarks/jax_training.py`, and the generator that it leaves."""
    import jax
    from jax_training import StageOnJax

    stage = StageOnJax(GAN, GAN.gan, "float32")
    for model in stage.models:
        draw_weights(model)
    state, step, found = stage.initial_state(), jax.jit(stage.step), {}
    for number in range(STEPS):
        state, terms = step(state, (HR, LR))
        found |= {f"step {number} {name}": value for name, value in terms.items()}
    stage.update_trained(state)
    return found | {f"trained {index:02}": weight for index, weight in enumerate(stage.trained.get_weights())}


def crops_on_jax() -> dict[str, np.ndarray]:
    """Forty crops of two images by `benchmarks/jax_training.py`, HR of doubled LR pixels, and the images' LR."""
    import jax
    from jax_training import Crops

    rng = np.random.default_rng(2)
    lr = [rng.integers(0, 256, (*size, 3)).astype("uint8") for size in ((8, 9), (11, 8))]
    crops = Crops([(image.repeat(2, 0).repeat(2, 1), image) for image in lr], 2, 8, permute_colours=True)
    hr_01, lr_01 = jax.jit(crops.batch, static_argnums=2)(crops.pixels, jax.random.key(0), 40)
    return {"crops of hr": hr_01, "crops of lr": lr_01} | {f"image {index}": image for index, image in enumerate(lr)}


def values(variables: list) -> list:
    """The backend's tensors."""
    return [variable.value for variable in variables]


def main(file: str) -> None:
    """Write the values of JAX."""
    import jax

    found = outputs()
    for name in TRAINED:
        loss, weights = training_loss(name)
        value, gradients = jax.jit(jax.value_and_grad(loss))(weights)
        found[f"loss of {name}"] = value
        found |= {f"gradient {name} {index:02}": gradient for index, gradient in enumerate(gradients)}
    found |= steps_on_jax() | crops_on_jax()
    np.savez(file, **{name: np.asarray(value, "float32") for name, value in found.items()})


if __name__ == "__main__":
    main(sys.argv[1])
