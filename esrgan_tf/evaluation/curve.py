"""The perception-distortion curve between two generators: PSNR against NIQE over alpha."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import keras

from esrgan_tf.atomic import replacing
from esrgan_tf.evaluation.evaluate import evaluate
from esrgan_tf.evaluation.measures import Options
from esrgan_tf.evaluation.pairs import Pair, Streamed
from esrgan_tf.evaluation.systems import System
from esrgan_tf.inference.interpolation import upscalers


class Point(NamedTuple):
    """What one alpha gives: PSNR in dB (more is better), NIQE (less is better)."""

    alpha: float
    psnr: float
    niqe: float


def perception_distortion(
    psnr: keras.Model, gan: keras.Model, alphas: Sequence[float], pairs: Sequence[Pair | Streamed], options: Options
) -> list[Point]:
    """Measure the interpolated network at each alpha. Source: ESRGAN section 4.6; Blau and Michaeli (2018).

    Args:
        psnr: the psnr stage's generator.
        gan: the gan stage's, of the same network.
        alphas: 0 (psnr) to 1 (gan).
        pairs: the images, checked.
        options: with a NIQE model.

    Returns:
        A point an alpha, means over the images.

    Raises:
        InputError: as `evaluate` and `interpolated_weights`.
    """
    points = []
    for alpha, upscaler in zip(alphas, upscalers(psnr, gan, alphas), strict=True):
        system = System(f"alpha {alpha:g}", upscaler.recipe, upscaler.upscale)
        (mean,) = evaluate(pairs, [system], upscaler.scale, options).means()
        points.append(Point(alpha, mean.metrics["psnr"], mean.metrics["niqe"]))
    return points


def draw_curve(points: Sequence[Point], path: str | Path, title: str) -> None:
    """Draw the points, joined in the order of alpha, each with its number.

    Args:
        points: as `perception_distortion` gives them.
        path: of the PNG.
        title: above the plot.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
        OSError: the file cannot be written.
    """
    from matplotlib.figure import Figure  # of the extra `plot`

    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([point.psnr for point in points], [point.niqe for point in points], marker="o")
    for point in points:
        axes.annotate(f"{point.alpha:g}", (point.psnr, point.niqe), textcoords="offset points", xytext=(6, 4))
    axes.set(xlabel="PSNR, dB (more is better)", ylabel="NIQE (less is better)", title=title)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)
