"""Networks as functional Keras models, on any Keras backend: every family is registered here."""

from esrgan_tf.models.discriminators.unet import unet_discriminator
from esrgan_tf.models.discriminators.vgg import (
    enet_discriminator,
    patch_discriminator,
    srgan_discriminator,
    vgg_discriminator,
)
from esrgan_tf.models.generators.edsr import edsr
from esrgan_tf.models.generators.enet import enet
from esrgan_tf.models.generators.msrresnet import msrresnet
from esrgan_tf.models.generators.phone import phone
from esrgan_tf.models.generators.rcan import rcan
from esrgan_tf.models.generators.rrdb import rrdb
from esrgan_tf.models.generators.span import span
from esrgan_tf.models.generators.srcnn import srcnn
from esrgan_tf.models.generators.srresnet import srresnet
from esrgan_tf.models.generators.srvgg import srvgg
from esrgan_tf.models.perceptual import build_features
from esrgan_tf.models.registry import (
    DISCRIMINATORS,
    GENERATORS,
    build_discriminator,
    build_generator,
    deployed_form,
    register_discriminator,
    register_generator,
)
from esrgan_tf.recipes import discriminators, generators

__all__ = [
    "DISCRIMINATORS",
    "GENERATORS",
    "build_discriminator",
    "build_features",
    "build_generator",
    "deployed_form",
    "register_discriminator",
    "register_generator",
]

register_generator(generators.RRDBConfig, rrdb)
register_generator(generators.SRResNetConfig, srresnet)
register_generator(generators.MSRResNetConfig, msrresnet)
register_generator(generators.ENetConfig, enet)
register_generator(generators.EDSRConfig, edsr)
register_generator(generators.RCANConfig, rcan)
register_generator(generators.SRCNNConfig, srcnn)
register_generator(generators.SRVGGConfig, srvgg)
register_generator(generators.SPANConfig, span)
register_generator(generators.PhoneConfig, phone)

register_discriminator(discriminators.VGGDiscriminatorConfig, vgg_discriminator)
register_discriminator(discriminators.SRGANDiscriminatorConfig, srgan_discriminator)
register_discriminator(discriminators.ENetDiscriminatorConfig, enet_discriminator)
register_discriminator(discriminators.PatchDiscriminatorConfig, patch_discriminator)
register_discriminator(discriminators.UNetDiscriminatorConfig, unet_discriminator)
