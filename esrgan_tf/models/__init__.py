"""Networks as functional Keras models, on any Keras backend."""

import keras

from esrgan_tf.errors import InputError, check_one_of
from esrgan_tf.metadata import GeneratorMetadata, set_metadata
from esrgan_tf.models.discriminators.unet import unet_discriminator
from esrgan_tf.models.discriminators.vgg import patch_discriminator, srgan_discriminator, vgg_discriminator
from esrgan_tf.models.distilled_features import DISTILLED, distilled_vgg19_features
from esrgan_tf.models.features import CONVS, vgg_features
from esrgan_tf.models.generators.edsr import edsr
from esrgan_tf.models.generators.msrresnet import msrresnet
from esrgan_tf.models.generators.phone import phone
from esrgan_tf.models.generators.rcan import rcan
from esrgan_tf.models.generators.rrdb import rrdb
from esrgan_tf.models.generators.span import span
from esrgan_tf.models.generators.srcnn import srcnn
from esrgan_tf.models.generators.srresnet import srresnet
from esrgan_tf.models.generators.srvgg import srvgg
from esrgan_tf.recipes.configs import PerceptualConfig
from esrgan_tf.recipes.discriminators import DiscriminatorConfig
from esrgan_tf.recipes.generators import GeneratorConfig, lr_multiple

GENERATORS = {
    "rrdb": rrdb,
    "srresnet": srresnet,
    "msrresnet": msrresnet,
    "edsr": edsr,
    "rcan": rcan,
    "srcnn": srcnn,
    "srvgg": srvgg,
    "span": span,
    "phone": phone,
}
DISCRIMINATORS = {
    "vgg": vgg_discriminator,
    "srgan": srgan_discriminator,
    "patch": patch_discriminator,
    "unet": unet_discriminator,
}


def build_generator(config: GeneratorConfig, recipe: str, dtype: str | None = None) -> keras.Model:
    """Builds a recipe's generator, which carries its metadata: recipe, scale, `lr_multiple`.

    Args:
        config: of any family.
        recipe: the recipe's name.
        dtype: Keras dtype policy, `None` for float32.

    Returns:
        Model [batch, height, width, 3] in 0..1 -> [batch, scale * height, scale * width, 3] float32.
    """
    precision = dtype or "float32"
    metadata = GeneratorMetadata.named(
        recipe, config.scale, family=config.family, precision=precision, lr_multiple=lr_multiple(config)
    )
    return set_metadata(GENERATORS[config.family](config, name=metadata.name, dtype=precision), metadata)


def build_discriminator(config: DiscriminatorConfig, patch: int, dtype: str = "float32") -> keras.Model:
    """A recipe's discriminator.

    Args:
        config: of any family.
        patch: height and width of the images in px.
        dtype: Keras dtype policy of all but the last layer.

    Returns:
        Model [batch, patch, patch, 3] in 0..1 -> raw logits float32, [batch, 1] or a map [batch, h, w, 1].

    Raises:
        InputError: `patch` is not a multiple of what the family's halvings need.
    """
    return DISCRIMINATORS[config.family](config, patch, dtype=dtype)


def build_features(config: PerceptualConfig, weights: str, dtype: str = "float32") -> keras.Model:
    """A recipe's feature network.

    Args:
        config: its network, layers, preprocessing and scale.
        weights: in place of `config.weights`.
        dtype: Keras dtype policy.

    Returns:
        Model [batch, height, width, 3] RGB in 0..1 -> features [batch, h, w, c] float32 by layer; not trainable.

    Raises:
        InputError: no such network, or a layer or weights that it does not have.
        OSError: the weights cannot be read or downloaded.
    """
    check_one_of("network", config.network, (*CONVS, DISTILLED))
    names = [name for name, _ in config.layers]
    if config.network == DISTILLED:
        return distilled_vgg19_features(names, config.before_activation, weights, dtype)
    if weights == "shipped":
        raise InputError(
            f"`weights` must be imagenet, random or a file for the network {config.network}: only {DISTILLED}'s are "
            f"shipped. Received: {weights}."
        )
    return vgg_features(
        names,
        config.before_activation,
        config.network,
        weights,
        config.preprocessing,
        config.caffe_feature_scale,
        dtype,
    )
