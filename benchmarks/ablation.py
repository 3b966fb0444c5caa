"""The ablation's generators at reduced width, each with the same budget of time: Set5 after a few minutes.

    python benchmarks/ablation.py IMAGES Set5/HR Set5/LR --minutes=10 --output=runs/ablation

IMAGES is a folder to train on. Trains the psnr stage of `ablation_1` (residual blocks with BatchNorm), `ablation_2`
(without), `ablation_5` (RRDB), SRResNet, EDSR and SRVGG at about the same number of parameters, and prints PSNR and
SSIM on Set5 (x4, uint8, Y, 4 px cropped) for each; `curve.png` shows them over time (with matplotlib). A
comparison on a small budget, not the paper's: there, each network trains for days.
"""

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from esrgan_tf.data.pipeline import training_batches
from esrgan_tf.data.sources import open_sources
from esrgan_tf.image.io import list_images, read_image, to_uint8
from esrgan_tf.image.resize import bicubic_upscale
from esrgan_tf.metrics.psnr_ssim import psnr, ssim
from esrgan_tf.recipes import get_recipe
from esrgan_tf.recipes.overrides import override
from esrgan_tf.training.distribution import make_strategy, resolve_precision
from esrgan_tf.training.networks import build_networks
from esrgan_tf.training.objective import build_terms
from esrgan_tf.training.steps import make_train_step

SCALE = 4
# Widths and depths at which each has 150 to 180 thousand parameters. RRDB starts from He-normal x 1: x 0.1, with the
# residual scales, takes longer to start than this budget lasts.
REDUCED = {
    "ablation_1": {"generator.features": 32, "generator.blocks": 6, "generator.init_scale": 1.0},
    "ablation_2": {"generator.features": 32, "generator.blocks": 6, "generator.init_scale": 1.0},
    "ablation_5": {"generator.features": 24, "generator.growth": 8, "generator.blocks": 2, "generator.init_scale": 1.0},
    "srresnet": {"generator.features": 32, "generator.blocks": 4},
    "edsr_baseline": {"generator.features": 32, "generator.blocks": 5},
    "srvgg": {"generator.features": 48, "generator.convs": 7},
}
SAME = {  # for all: only the networks differ
    "psnr.batch_size": 8,
    "psnr.hr_patch": 64,
    "psnr.pixel_loss": "l1",
    "psnr.learning_rate": 1e-3,
    "psnr.milestones": [],
    "psnr.beta_2": 0.99,
    "psnr.ema_decay": 0.99,
    "data.degradation": None,
    "data.rotate": True,
}
LOOKS = 8  # at Set5, evenly spaced


def main() -> None:
    """Train each generator in its share of the time, print the table, draw the curve."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("images", "hr", "lr"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--minutes", type=float, default=10, help="of training, in all")
    parser.add_argument("--output", type=Path, default=Path("runs/ablation"))
    arguments = parser.parse_args()
    pairs = [(read(arguments.hr / path.name), read(path)) for path in list_images(arguments.lr)]
    bicubic = quality(lambda lr: bicubic_upscale(lr, SCALE), pairs)
    print(f"{'generator':15}{'parameters':>11}{'steps':>7}{'PSNR':>8}{'SSIM':>8}")
    print(f"{'bicubic':15}{'':>18}{bicubic[0]:8.2f}{bicubic[1]:8.4f}", flush=True)
    curves = {}
    for name, changes in REDUCED.items():
        curves[name] = train(name, changes, arguments.images, 60 * arguments.minutes / len(REDUCED), pairs)
    draw(curves, bicubic[0], arguments.output)


def train(name: str, changes: dict, images: Path, seconds: float, pairs: list) -> list[tuple[float, float]]:
    """Train one generator for so long, print its row; (seconds, PSNR) at each look."""
    keras.utils.set_random_seed(0)
    recipe = override(get_recipe(name), SAME | changes)
    strategy, stage = make_strategy("auto"), recipe.psnr
    precision = resolve_precision("auto", strategy)
    networks = build_networks(recipe, stage, precision, strategy)
    terms = build_terms(recipe, stage, networks, precision, strategy)
    sources = open_sources(str(images), recipe.data, SCALE, stage.hr_patch, seed=0)
    batches = iter(training_batches(sources, recipe.data, SCALE, stage.hr_patch, stage.batch_size, seed=0))
    step = make_train_step(networks, terms, strategy, stage.clip_norm)
    upscale = tf.function(networks.evaluated, input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32)])
    batch = next(batches)
    step(batch["hr"], batch["lr"])  # traces, which is not training
    steps, trained, curve = 1, 0.0, []
    for look in range(1, LOOKS + 1):
        start = time.perf_counter()
        while trained + time.perf_counter() - start < seconds * look / LOOKS:
            batch = next(batches)
            step(batch["hr"], batch["lr"])["pixel"].numpy()
            steps += 1
        trained += time.perf_counter() - start
        networks.update_evaluated()
        found = quality(lambda lr: upscale(lr[None])[0].numpy(), pairs)
        curve.append((trained, found[0]))
    parameters = networks.evaluated.count_params()
    print(f"{name:15}{parameters:11,}{steps:7}{found[0]:8.2f}{found[1]:8.4f}", flush=True)
    return curve


def read(path: Path) -> np.ndarray:
    """float32 [h, w, 3], 0..1."""
    return read_image(path).rgb


def quality(upscale, pairs: list) -> tuple[float, float]:
    """Mean PSNR in dB and SSIM over (hr, lr) pairs."""
    rows = []
    for hr_01, lr_01 in pairs:
        sr, hr = to_uint8(upscale(lr_01)), to_uint8(hr_01)
        rows.append((psnr(sr, hr, SCALE), ssim(sr, hr, SCALE)))
    return tuple(np.mean(rows, axis=0))


def draw(curves: dict[str, list[tuple[float, float]]], bicubic: float, output: Path) -> None:
    """PSNR over seconds of training, as a PNG."""
    try:
        from matplotlib import pyplot
    except ImportError:
        print("no curve: matplotlib is not installed")
        return
    output.mkdir(parents=True, exist_ok=True)
    figure, axes = pyplot.subplots(figsize=(8, 5))
    axes.axhline(bicubic, color="grey", linestyle=":", label="bicubic")
    for name, curve in curves.items():
        axes.plot(*zip(*curve, strict=True), marker=".", label=name)
    axes.set(xlabel="seconds of training", ylabel="PSNR on Set5, dB (x4, Y, crop 4)", title="The same budget for each")
    axes.legend()
    figure.savefig(output / "curve.png", dpi=120)
    print(f"curve: {output / 'curve.png'}")


if __name__ == "__main__":
    main()
