"""A recipe that trains in seconds, for tests."""

from esrgan_tf.recipes import (
    DataConfig,
    DiscriminatorConfig,
    GeneratorConfig,
    LossConfig,
    OptimizerConfig,
    PerceptualConfig,
    Recipe,
    StageConfig,
)

OPTIMIZER = OptimizerConfig(learning_rate=1e-3, milestones=(4,))
TINY = Recipe(
    name="tiny",
    source="tests",
    generator=GeneratorConfig(scale=2, blocks=1, features=4, growth=2, init_scale=1.0),
    discriminator=DiscriminatorConfig(features=2, dense_units=4),
    perceptual=PerceptualConfig(layer="block1_conv2", weights="random"),
    data=DataConfig(crops_per_picture=2, shuffle_buffer=8, dead_leaves_pictures=10, dead_leaves_size=48),
    psnr=StageConfig(LossConfig(), OPTIMIZER, steps=6, batch_size=4, hr_patch=32, validate_every=3, ema_decay=0.9),
    gan=StageConfig(
        LossConfig(pixel=1e-2, perceptual=1.0, adversarial=5e-3),
        OPTIMIZER,
        steps=6,
        batch_size=4,
        hr_patch=32,
        validate_every=3,
        best_by="perceptual",
    ),
)
