"""A small recipe to start one's own from, for each generator family, with both stages.

Sizes and rates are guesses, not tuned; `benchmarks/templates.py` trains and measures them.
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

PSNR_STEPS, GAN_STEPS = 6_000, 800
HR_PATCH = 64  # px: on two cores many small steps teach more in a minute than few large ones
EMA_DECAY = 0.99  # the weights still move fast after so few steps
# Generator, and the psnr stage's first learning rate.
SIZES: dict[str, tuple[GeneratorConfig, float]] = {
    "rrdb": (RRDBConfig(blocks=3, features=32, growth=16, init_scale=1.0), 2e-3),
    "srresnet": (SRResNetConfig(blocks=6, features=32), 1e-3),
    "msrresnet": (MSRResNetConfig(blocks=8, features=32, init_scale=1.0), 1e-3),
    "enet": (ENetConfig(blocks=6, features=32), 1e-3),
    "edsr": (EDSRConfig(blocks=8, features=48, upsampling="direct"), 1e-3),
    "rcan": (RCANConfig(groups=2, blocks=4, features=48), 1e-3),
    "srcnn": (SRCNNConfig(), 1e-3),
    "srvgg": (SRVGGConfig(convs=8), 8e-4),
    "span": (SPANConfig(), 5e-4),
    "phone": (PhoneConfig(), 1e-3),
}


def template(family: str) -> Recipe:
    """A recipe of a family that was not published: fidelity by its psnr stage, perception by its gan stage.

    Raises:
        InputError: no such family.
    """
    check_one_of("template", family, SIZES)
    generator, rate = SIZES[family]
    name = f"small_{family}"
    return replace(
        COMPACT,
        name=name,
        paper=f"none: a start for a recipe of one's own, of the family {family}",
        section="none: L1 on bicubic LR, then quickstart's perceptual losses and LDL (arXiv:2203.09195)",
        command=f"python train.py --stage=psnr --recipe={name}.json; python train.py --stage=gan --recipe={name}.json",
        published="none",
        generator=generator,
        psnr=replace(
            COMPACT.psnr,
            steps=PSNR_STEPS,
            cosine_period=PSNR_STEPS,
            hr_patch=HR_PATCH,
            learning_rate=rate,
            ema_decay=EMA_DECAY,
            validate_every=1_000,
        ),
        gan=replace(
            COMPACT.gan,
            steps=GAN_STEPS,
            milestones=(GAN_STEPS * 2 // 3, GAN_STEPS * 5 // 6),
            hr_patch=HR_PATCH,
            learning_rate=2e-4,
            ema_decay=EMA_DECAY,
        ),
    )
