"""Recipes of small generators that this project trains itself, on two CPU cores; they are in no paper."""

from dataclasses import replace

from esrgan_tf.recipes.configs import DataConfig, Recipe, StageConfig
from esrgan_tf.recipes.degradation import DegradationConfig
from esrgan_tf.recipes.discriminators import VGGDiscriminatorConfig
from esrgan_tf.recipes.esrgan import QUICKSTART
from esrgan_tf.recipes.generators import EDSRConfig, PhoneConfig

# Sized for two cores, not tuned. The rate falls once, along a cosine.
COMPACT = Recipe(
    name="compact",
    paper="EDSR, arXiv:1707.02921: its baseline's body, and one pixel shuffle at the end, as in ABPN and SPAN",
    section="none: bicubic LR and L1, then quickstart's perceptual losses and LDL (arXiv:2203.09195); "
    "`benchmarks/train_zoo.py` trains the zoo's by it",
    command="python train.py --stage=psnr --recipe=compact; python train.py --stage=gan --recipe=compact",
    published="none; CARN-M (arXiv:1803.08664), of 0.41 M parameters, has 31.92 dB on Set5, 28.42 on Set14 (Y)",
    generator=EDSRConfig(upsampling="direct"),
    discriminator=VGGDiscriminatorConfig(features=32),
    perceptual=QUICKSTART.perceptual,
    data=DataConfig(crops_per_picture=16, validation_pictures=16),
    psnr=StageConfig(
        steps=12_000,
        batch_size=8,
        hr_patch=128,
        learning_rate=8e-4,
        cosine_period=12_000,
        beta_2=0.99,
        ema_decay=0.999,
        validate_every=500,
        log_every=100,
    ),
    gan=StageConfig(
        steps=3_000,
        batch_size=8,
        hr_patch=128,
        pixel_weight=1.0,
        perceptual_weight=1.0,
        adversarial_weight=2e-2,
        ldl_weight=1.0,
        learning_rate=1e-4,
        milestones=(2_000, 2_600),
        beta_2=0.99,
        ema_decay=0.995,
        validate_every=250,
        log_every=50,
        best_by="last",
    ),
)

COMPACT_X2 = replace(
    COMPACT,
    name="compact_x2",
    command="python train.py --stage=psnr --recipe=compact_x2 --init_from=compact_x4",
    published="none; VDSR (arXiv:1511.04587), of 0.67 M parameters, has 37.53 dB on Set5, 33.03 on Set14 (Y)",
    generator=replace(COMPACT.generator, scale=2),
    psnr=replace(COMPACT.psnr, steps=10_000, batch_size=4, hr_patch=96, learning_rate=4e-4, cosine_period=10_000),
    gan=None,
)

PHOTO = replace(
    COMPACT,
    name="photo",
    section="none: L1 on the second-order degradation of Real-ESRGAN; `benchmarks/train_zoo.py` trains by it",
    command="python train.py --stage=psnr --recipe=photo --init_from=compact_x4",
    published="none",
    data=replace(COMPACT.data, degradation=DegradationConfig()),
    psnr=replace(COMPACT.psnr, steps=6_000, learning_rate=3e-4, cosine_period=6_000),
    gan=None,
)

# Of six networks measured for up to twenty minutes each, this one learned most in a second of training.
ZOO_PHONE = Recipe(
    name="zoo_phone",
    paper="Anchor-based Plain Net for Mobile Image Super-Resolution (ABPN), arXiv:2105.09750, with the widths of "
    "QuickSRNet, arXiv:2303.04336",
    section="none: bicubic LR and L1; `benchmarks/train_zoo.py` trains the zoo's by it",
    command="python train.py --stage=psnr --recipe=zoo_phone",
    published="none for this depth; ABPN has 33.4 dB on Set5 at x3 (its released int8 files, Y)",
    generator=PhoneConfig(),
    data=DataConfig(crops_per_picture=16, validation_pictures=16, rotate=True),
    psnr=StageConfig(
        steps=60_000,
        batch_size=16,
        hr_patch=128,
        learning_rate=1e-3,
        cosine_period=60_000,
        beta_2=0.99,
        ema_decay=0.999,
        validate_every=1000,
        log_every=200,
    ),
)

# Four convolutions more, which int8 bears: trained on from a network of six that was grown.
PHONE_X4 = replace(
    ZOO_PHONE,
    name="phone_x4",
    command="python train.py --stage=psnr --recipe=phone_x4 --init_from=phone_x4",
    published="none for this depth",
    generator=PhoneConfig(convs=10),
    data=replace(ZOO_PHONE.data, permute_colours=True, multiscale=(0.7, 0.5)),
    psnr=replace(ZOO_PHONE.psnr, steps=10_000, learning_rate=8e-4, cosine_period=10_000),
)

# In residual blocks, which learn more from the same photographs than a plain body.
PHONE_X3 = replace(
    PHONE_X4,
    name="phone_x3",
    command="python train.py --stage=psnr --recipe=phone_x3",
    published="none; ABPN, of 42.5 k parameters, has 33.4 dB on Set5 (its released int8 files, Y)",
    generator=PhoneConfig(scale=3, convs=10, skips=True),
    psnr=replace(PHONE_X4.psnr, hr_patch=96, learning_rate=1e-3, steps=30_000, cosine_period=30_000),
)

PHONE_X2 = replace(
    PHONE_X4,
    name="phone_x2",
    command="python train.py --stage=psnr --recipe=phone_x2 --init_from=phone_x4",
    generator=PhoneConfig(scale=2, convs=10),
    psnr=replace(PHONE_X4.psnr, hr_patch=64),
)

ZOO_RECIPES = (COMPACT, COMPACT_X2, PHOTO, ZOO_PHONE, PHONE_X4, PHONE_X3, PHONE_X2)
