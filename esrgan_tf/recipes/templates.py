"""A recipe to start one's own from, for each generator family: both stages within an hour on two CPU cores.

Sizes and lengths are guesses for that, not tuned; `benchmarks/templates.py` trains and measures them.
"""

from dataclasses import replace

from esrgan_tf.errors import check_one_of
from esrgan_tf.recipes.configs import Recipe
from esrgan_tf.recipes.families import GeneratorConfig
from esrgan_tf.recipes.generators import (
    EDSRConfig,
    ENetConfig,
    MSRResNetConfig,
    PhoneConfig,
    RCANConfig,
    RRDBConfig,
    SPANConfig,
    SRCNNConfig,
    SRResNetConfig,
    SRVGGConfig,
)
from esrgan_tf.recipes.zoo import COMPACT

# Generator, steps of the psnr stage (some 40 minutes) and of the gan stage (some 15), first learning rate.
SIZES: dict[str, tuple[GeneratorConfig, int, int, float]] = {
    "rrdb": (RRDBConfig(blocks=3, features=32, growth=16, init_scale=1.0), 5_000, 1_000, 1e-3),
    "srresnet": (SRResNetConfig(blocks=6, features=32), 5_000, 1_000, 1e-3),
    "msrresnet": (MSRResNetConfig(blocks=8, features=32, init_scale=1.0), 5_000, 1_000, 1e-3),
    "enet": (ENetConfig(blocks=6, features=32), 5_000, 1_000, 1e-3),
    "edsr": (EDSRConfig(blocks=8, features=48, upsampling="direct"), 5_000, 1_000, 1e-3),
    "rcan": (RCANConfig(groups=2, blocks=4, features=48), 5_000, 1_000, 1e-3),
    "srcnn": (SRCNNConfig(), 5_000, 1_000, 1e-3),
    "srvgg": (SRVGGConfig(convs=8), 5_000, 1_000, 8e-4),
    "span": (SPANConfig(), 5_000, 1_000, 5e-4),
    "phone": (PhoneConfig(), 5_000, 1_000, 1e-3),
}


def template(family: str) -> Recipe:
    """A recipe of a family that was not published: fidelity by its psnr stage, perception by its gan stage.

    Raises:
        InputError: no such family.
    """
    check_one_of("template", family, SIZES)
    generator, psnr_steps, gan_steps, rate = SIZES[family]
    name = f"small_{family}"
    return replace(
        COMPACT,
        name=name,
        paper=f"none: a start for a recipe of one's own, of the family {family}",
        section="none: L1 on bicubic LR, then quickstart's perceptual losses and LDL (arXiv:2203.09195)",
        command=f"python train.py --stage=psnr --recipe={name}.json; python train.py --stage=gan --recipe={name}.json",
        published="none",
        generator=generator,
        psnr=replace(COMPACT.psnr, steps=psnr_steps, cosine_period=psnr_steps, learning_rate=rate),
        gan=replace(
            COMPACT.gan, steps=gan_steps, milestones=(gan_steps * 2 // 3, gan_steps * 5 // 6), learning_rate=2e-4
        ),
    )
