"""ESRGAN's recipes: as published, as BasicSR trains it today, with MINC features, and its ablation in order."""

from dataclasses import replace

from esrgan_tf.recipes.configs import DataConfig, PerceptualConfig, Recipe, StageConfig
from esrgan_tf.recipes.discriminators import VGGDiscriminatorConfig
from esrgan_tf.recipes.generators import RRDBConfig

PAPER = "ESRGAN: Enhanced Super-Resolution Generative Adversarial Networks, arXiv:1809.00219"
BOTH_STAGES = "python train.py --stage=psnr --recipe={0}; python train.py --stage=gan --recipe={0}"

# Section 4.1; halvings from the released code's train_PSNR options.
PSNR_2018 = StageConfig(
    steps=1_000_000, learning_rate=2e-4, milestones=(200_000, 400_000, 600_000, 800_000), pixel_loss="l1"
)
# Section 4.1: lambda = 5e-3, eta = 1e-2.
GAN_2018 = StageConfig(
    steps=500_000,
    pixel_weight=1e-2,
    perceptual_weight=1.0,
    adversarial_weight=5e-3,
    learning_rate=1e-4,
    milestones=(50_000, 100_000, 200_000, 300_000),
    best_by="perceptual",  # PSNR falls as the images sharpen
)

ESRGAN = Recipe(
    name="esrgan",
    paper=PAPER,
    section="4.1, 23 RRDB, schedule of 2018",
    command=BOTH_STAGES.format("esrgan"),
    published="psnr stage 32.73 dB / .9011 on Set5, 28.99 / .7917 on Set14 (Y, trained on DF2K)",
    psnr=PSNR_2018,
    gan=GAN_2018,
)
ESRGAN_16 = replace(
    ESRGAN,
    name="esrgan_16",
    section="4.1, 16 RRDB, schedule of 2018",
    command=BOTH_STAGES.format("esrgan_16"),
    published="none for this depth",
    generator=RRDBConfig(blocks=16),
)
ESRGAN_MINC = replace(
    ESRGAN,
    name="esrgan_minc",
    section="3.3 and 4.4: features of a material recognition network (VGG16 fine-tuned on MINC)",
    command="python train.py --stage=psnr --recipe=esrgan_minc; "
    "python train.py --stage=gan --recipe=esrgan_minc --vgg_weights=FILE",
    published="qualitative: supplementary of the paper",
    perceptual=PerceptualConfig(network="vgg16", layers=(("conv5_3", 1.0),), weights="minc"),
)
ESRGAN_2022 = replace(
    ESRGAN,
    name="esrgan_2022",
    section="BasicSR's options train_RRDBNet_PSNR_x4 and train_ESRGAN_x4",
    command=BOTH_STAGES.format("esrgan_2022"),
    published="psnr stage 30.64 dB on Set5, gan stage 28.27 (RGB, crop 4; the official models)",
    generator=RRDBConfig(init_convs="body"),
    discriminator=VGGDiscriminatorConfig(init="torch"),
    psnr=replace(
        PSNR_2018, milestones=(), cosine_period=250_000, lowest_learning_rate=1e-7, beta_2=0.99, ema_decay=0.999
    ),
    gan=replace(GAN_2018, steps=400_000, beta_2=0.99, ema_decay=0.999),
)

# Section 4.4, figure 8: one thing is changed at a time. The residual blocks are SRResNet's in
# RRDB's frame: LeakyReLU in place of PReLU, nearest + conv, no BatchNorm outside the blocks.
ABLATION_1 = Recipe(
    name="ablation_1",
    paper=PAPER,
    section="4.4, figure 8: residual blocks with BatchNorm, features after activation, standard GAN",
    command=BOTH_STAGES.format("ablation_1"),
    published="qualitative: figure 8",
    generator=RRDBConfig(block="residual", blocks=16, residual_scale=1.0, batch_norm=True),
    perceptual=PerceptualConfig(before_activation=False),
    psnr=PSNR_2018,
    gan=replace(GAN_2018, adversarial_loss="standard"),
)
ABLATION_2 = replace(
    ABLATION_1,
    name="ablation_2",
    section="4.4, figure 8: BatchNorm removed",
    command=BOTH_STAGES.format("ablation_2"),
    published="qualitative: figure 8",
    generator=replace(ABLATION_1.generator, batch_norm=False),
)
ABLATION_3 = replace(
    ABLATION_2,
    name="ablation_3",
    section="4.4, figure 8: features before activation",
    command=BOTH_STAGES.format("ablation_3"),
    published="qualitative: figure 8",
    perceptual=PerceptualConfig(before_activation=True),
)
ABLATION_4 = replace(
    ABLATION_3,
    name="ablation_4",
    section="4.4, figure 8: relativistic GAN",
    command=BOTH_STAGES.format("ablation_4"),
    published="qualitative: figure 8",
    gan=GAN_2018,
)
ABLATION_5 = replace(
    ABLATION_4,
    name="ablation_5",
    section="4.4, figure 8: RRDB, deeper",
    command=BOTH_STAGES.format("ablation_5"),
    published="qualitative: figure 8",
    generator=RRDBConfig(),
)

QUICKSTART = Recipe(
    name="quickstart",
    paper="a small RRDB that shows both stages within minutes on two CPU cores; not from a paper",
    section="none",
    command="esrgan quickstart",
    published="none; the README has what was measured",
    generator=RRDBConfig(blocks=3, features=32, growth=16, init_scale=1.0),  # x 0.1 starts slowly
    discriminator=VGGDiscriminatorConfig(features=16),
    perceptual=PerceptualConfig(
        network="vgg19_distilled",
        layers=(("conv2_1", 0.5), ("conv3_1", 0.5), ("conv4_1", 0.5)),  # colours and edges, then textures
        weights="shipped",
    ),
    data=DataConfig(crops_per_picture=16, dead_leaves_pictures=24, dead_leaves_size=256, validation_crop=320),
    psnr=StageConfig(
        steps=2200,
        batch_size=8,
        hr_patch=64,
        learning_rate=2e-3,
        milestones=(1300, 1750, 2050),
        beta_2=0.99,
        ema_decay=0.99,
        validate_every=550,
        log_every=50,
    ),
    gan=StageConfig(
        steps=500,
        batch_size=8,
        hr_patch=64,
        pixel_weight=1.0,
        perceptual_weight=1.0,
        adversarial_weight=2e-2,
        learning_rate=2e-4,
        milestones=(400,),
        beta_2=0.99,
        ema_decay=0.99,
        validate_every=250,
        log_every=25,
        best_by="perceptual",
    ),
)

ESRGAN_RECIPES = (
    *(QUICKSTART, ESRGAN, ESRGAN_16, ESRGAN_2022, ESRGAN_MINC),
    *(ABLATION_1, ABLATION_2, ABLATION_3, ABLATION_4, ABLATION_5),
)
