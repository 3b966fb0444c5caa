"""Recipes of the systems that ESRGAN is compared with, and of the compact networks."""

from dataclasses import replace

from esrgan_tf.recipes.configs import DataConfig, PerceptualConfig, Recipe, StageConfig
from esrgan_tf.recipes.degradation import DegradationConfig
from esrgan_tf.recipes.discriminators import ENetDiscriminatorConfig, SRGANDiscriminatorConfig, UNetDiscriminatorConfig
from esrgan_tf.recipes.generators import (
    EDSRConfig,
    ENetConfig,
    MSRResNetConfig,
    PhoneConfig,
    RCANConfig,
    SPANConfig,
    SRCNNConfig,
    SRResNetConfig,
    SRVGGConfig,
)

PSNR_STAGE = "python train.py --stage=psnr --recipe={0}"
# x3 and x4 start from x2: LR patches are 48 px at every scale.
FROM_X2 = (
    "python train.py --stage=psnr --recipe={0} --scale=2 --hr_patch=96; "
    "python train.py --stage=psnr --recipe={0} --init_from=runs/{0}_x2"
)

SRRESNET = Recipe(
    name="srresnet",
    paper="Photo-Realistic Single Image Super-Resolution Using a GAN (SRGAN), arXiv:1609.04802",
    section="3.2, SRResNet-MSE",
    command=PSNR_STAGE.format("srresnet"),
    published="32.05 dB / .902 on Set5, 28.49 / .818 on Set14 (Y)",
    generator=SRResNetConfig(),
    psnr=StageConfig(steps=1_000_000, hr_patch=96, pixel_loss="mse", learning_rate=1e-4),
)
SRGAN = replace(
    SRRESNET,
    name="srgan",
    section="""3.2, SRGAN-VGG54 (VGG22: --set 'perceptual.layers=[["conv2_2",1]]')""",
    command="python train.py --stage=psnr --recipe=srgan; python train.py --stage=gan --recipe=srgan",
    published="29.40 dB / .847 on Set5, 26.02 / .740 on Set14 (Y)",
    discriminator=SRGANDiscriminatorConfig(),
    perceptual=PerceptualConfig(before_activation=False),
    gan=StageConfig(  # 1e5 steps at 1e-4, then 1e5 at 1e-5
        steps=200_000,
        hr_patch=96,
        pixel_weight=0.0,
        perceptual_loss="mse",
        perceptual_weight=1.0,
        adversarial_loss="standard",
        adversarial_weight=1e-3,
        learning_rate=1e-4,
        milestones=(100_000,),
        decay=0.1,
        best_by="perceptual",
    ),
)
MSRRESNET = Recipe(
    name="msrresnet",
    paper="BasicSR, options train_MSRResNet_x4; the network follows SRGAN, arXiv:1609.04802",
    section="001_MSRResNet_x4_f64b16_DIV2K_1000k",
    command=PSNR_STAGE.format("msrresnet"),
    published="30.25 dB / .8651 on Set5, 26.78 / .7451 on Set14 (RGB, crop 4; BasicSR's model zoo)",
    generator=MSRResNetConfig(),
    psnr=StageConfig(steps=1_000_000, learning_rate=2e-4, cosine_period=250_000, beta_2=0.99, ema_decay=0.999),
)

ENHANCENET = Recipe(
    name="enhancenet",
    paper="EnhanceNet: Single Image Super-Resolution Through Automated Texture Synthesis, arXiv:1612.07919",
    section="4, 5.3, supplementary tables 1 and 2: ENet-E and ENet-PAT (ENet-PA: --set gan.adversarial_weight=1 --set "
    "'perceptual.texture_layers=[]'). Steps and batch are not told there: usual ones; the discriminator learns in "
    "every step",
    command="python train.py --stage=psnr --recipe=enhancenet; python train.py --stage=gan --recipe=enhancenet",
    published="31.74 dB on Set5, 28.42 on Set14 (ENet-E, Y); 28.56, 25.77 (ENet-PAT)",
    generator=ENetConfig(),
    discriminator=ENetDiscriminatorConfig(),
    perceptual=PerceptualConfig(
        layers=(("pool2", 0.2), ("pool5", 0.02)),
        texture_layers=(("conv1_1", 3e-7), ("conv2_1", 1e-6), ("conv3_1", 1e-6)),
        before_activation=False,
        normalize=True,
    ),
    psnr=StageConfig(steps=500_000, pixel_loss="mse", learning_rate=1e-4),
    gan=StageConfig(
        steps=500_000,
        pixel_weight=0.0,
        perceptual_loss="mse",
        perceptual_weight=1.0,
        adversarial_loss="standard",
        adversarial_weight=2.0,
        learning_rate=1e-4,
        best_by="perceptual",
    ),
)

# Section 4.2: batch 16, LR patches of 48 px, 1e-4 halved every 2e5 steps; 3e5 steps as its PyTorch code.
EDSR_STAGE = StageConfig(steps=300_000, hr_patch=192, learning_rate=1e-4, milestones=(200_000,))
EDSR_BASELINE = Recipe(
    name="edsr_baseline",
    paper="Enhanced Deep Residual Networks for Single Image Super-Resolution (EDSR), arXiv:1707.02921",
    section="3.2, table 1 (baseline), 4.2",
    command=FROM_X2.format("edsr_baseline"),
    published="30.18 dB / .8641 on Set5, 26.75 / .7432 on Set14 (RGB, crop 4; BasicSR's model zoo)",
    generator=EDSRConfig(),
    psnr=EDSR_STAGE,
)
EDSR = replace(
    EDSR_BASELINE,
    name="edsr",
    section="3.2, table 1 (32 blocks x 256, residual scale 0.1), 4.2",
    command=FROM_X2.format("edsr"),
    published="32.46 dB / .8968 on Set5, 28.80 / .7876 on Set14 (Y)",
    generator=EDSRConfig(blocks=32, features=256, residual_scale=0.1),
)
RCAN = Recipe(
    name="rcan",
    paper="Image Super-Resolution Using Very Deep Residual Channel Attention Networks (RCAN), arXiv:1807.02758",
    section="4.1",
    command=FROM_X2.format("rcan"),
    published="32.63 dB / .9002 on Set5, 28.87 / .7889 on Set14 (Y)",
    generator=RCANConfig(),
    psnr=replace(EDSR_STAGE, steps=1_000_000, milestones=(200_000, 400_000, 600_000, 800_000)),
)
SRCNN = Recipe(
    name="srcnn",
    paper="Image Super-Resolution Using Deep Convolutional Networks (SRCNN), arXiv:1501.00092",
    section="4.3.2, 9-5-5; on RGB and with Adam instead of SGD at a rate of its own a layer",
    command=PSNR_STAGE.format("srcnn"),
    published="30.49 dB / .8628 on Set5 (Y network, trained on ImageNet)",
    generator=SRCNNConfig(),
    psnr=StageConfig(steps=1_000_000, pixel_loss="mse", learning_rate=1e-4),
)

# Real-ESRGAN's two stages with its compact network, whose own training options are not published.
SRVGG = Recipe(
    name="srvgg",
    paper="Real-ESRGAN, arXiv:2107.10833, with the compact network of its repository (general-x4v3)",
    section="4.1; HR is not sharpened (USM)",
    command="python train.py --stage=psnr --recipe=srvgg; python train.py --stage=gan --recipe=srvgg",
    published="none",
    generator=SRVGGConfig(),
    discriminator=UNetDiscriminatorConfig(),
    perceptual=PerceptualConfig(
        layers=(("conv1_2", 0.1), ("conv2_2", 0.1), ("conv3_4", 1.0), ("conv4_4", 1.0), ("conv5_4", 1.0))
    ),
    data=DataConfig(degradation=DegradationConfig(), rotate=False),
    psnr=StageConfig(steps=1_000_000, batch_size=48, hr_patch=256, learning_rate=2e-4, beta_2=0.99, ema_decay=0.999),
    gan=StageConfig(
        steps=400_000,
        batch_size=48,
        hr_patch=256,
        pixel_weight=1.0,
        perceptual_weight=1.0,
        adversarial_loss="standard",
        adversarial_weight=1e-1,
        learning_rate=1e-4,
        beta_2=0.99,
        ema_decay=0.999,
        best_by="perceptual",
    ),
)

SPAN = Recipe(
    name="span",
    paper="Swift Parameter-free Attention Network for Efficient Super-Resolution (SPAN), arXiv:2311.12770",
    section="3, figure 2; its schedule is in no released code: one that is usual for networks of this size",
    command=PSNR_STAGE.format("span"),
    published="26.13 dB on Urban100 (Y)",
    generator=SPANConfig(branches=2),
    psnr=StageConfig(
        steps=1_000_000,
        batch_size=64,
        hr_patch=256,
        learning_rate=5e-4,
        milestones=(200_000, 400_000, 600_000, 800_000),
    ),
)
SPAN_52 = replace(
    SPAN,
    name="span_52",
    command=PSNR_STAGE.format("span_52"),
    published="28.66 dB on Set14, 26.18 on Urban100 (Y)",
    generator=SPANConfig(features=52, branches=2),
)

# ABPN's released options: LR patches of 64 px, 600 epochs of 1,000 steps, halved every 120 of them.
PHONE = Recipe(
    name="phone",
    paper="Anchor-based Plain Net for Mobile Image Super-Resolution (ABPN), arXiv:2105.09750, with the widths of "
    "QuickSRNet, arXiv:2303.04336",
    section="ABPN's released options base7; x3 with --hr_patch=192, x2 with --hr_patch=128",
    command=PSNR_STAGE.format("phone"),
    published="none for this depth",
    generator=PhoneConfig(),
    psnr=StageConfig(steps=600_000, hr_patch=256, learning_rate=1e-3, milestones=(120_000, 240_000, 360_000, 480_000)),
)

COMPARED_RECIPES = (
    SRRESNET,
    SRGAN,
    ENHANCENET,
    MSRRESNET,
    EDSR_BASELINE,
    EDSR,
    RCAN,
    SRCNN,
    SRVGG,
    SPAN,
    SPAN_52,
    PHONE,
)
