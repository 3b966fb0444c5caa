"""The measures of one output, and the notes that describe them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from esrgan_tf.errors import InputError
from esrgan_tf.image.color import LOW_PASS_SIGMA, color_drift, keep_colors
from esrgan_tf.image.io import to_float, to_uint8
from esrgan_tf.metrics.niqe import NiqeModel, niqe
from esrgan_tf.metrics.psnr_ssim import luma, psnr, ssim

BEST_MA = 10  # the top of Ma's scale, which the perceptual index turns round


@dataclass(frozen=True)
class Options:
    """What is measured, and how.

    Args:
        crop: px left out at each border.
        channel: "y" or "rgb", of PSNR and SSIM.
        keep_colors: outputs get the low frequencies of their inputs before all measures.
        niqe: the model of pristine images; `None` skips NIQE.
        ma: Ma's scores by system and image, as `read_ma_scores` gives them; with NIQE they make the PI.
        lpips: two images, float32 [h, w, 3] in 0..1, to their distance; `None` skips LPIPS.
    """

    crop: int
    channel: str = "y"
    keep_colors: bool = False
    niqe: NiqeModel | None = None
    ma: Mapping[tuple[str, str], float] | None = None
    lpips: Callable[[np.ndarray, np.ndarray], float] | None = None


@dataclass(frozen=True, eq=False)
class Measured:
    """One output as it was measured, uint8, and its numbers by name."""

    output: np.ndarray
    metrics: dict[str, float]


def measure(
    output_01: np.ndarray, hr: np.ndarray, lr: np.ndarray, scale: int, options: Options, ma: float | None = None
) -> Measured:
    """Measure one output.

    Args:
        output_01: float32 [scale * h, scale * w, 3], 0..1, not rounded.
        hr: uint8, the same shape: the original.
        lr: uint8 [h, w, 3]: what was upscaled.
        scale: HR size / LR size.
        options: what is measured.
        ma: Ma's score of this output, where there is one.

    Returns:
        `psnr` (dB), `ssim`, `drift` (1/255, before colours are kept), and where asked for `drift_kept` (after),
        `niqe`, `ma`, `pi`, `lpips`.

    Raises:
        InputError: NIQE cannot be had of this output.
    """
    lr_01 = to_float(lr)
    metrics = {"drift": color_drift(to_float(to_uint8(output_01)), lr_01, scale)}
    if options.keep_colors:
        output_01 = keep_colors(output_01, lr_01, scale)
        metrics["drift_kept"] = color_drift(to_float(to_uint8(output_01)), lr_01, scale)
    output = to_uint8(output_01)
    first = {metric.__name__: metric(output, hr, options.crop, options.channel) for metric in (psnr, ssim)}
    inner = slice(options.crop, -options.crop or None)
    if options.niqe:
        try:
            # Rounded Y inside the border, as the evaluation of the PIRM challenge (2018) measures super-resolution.
            first["niqe"] = niqe(np.rint(luma(output[inner, inner])), options.niqe)
        except ValueError as error:
            raise InputError(f"NIQE cannot be had: {error} Leave out the image, or `niqe_params`.") from error
        if ma is not None:
            first |= {"ma": ma, "pi": perceptual_index(ma, first["niqe"])}
    if options.lpips:
        first["lpips"] = options.lpips(to_float(output[inner, inner]), to_float(hr[inner, inner]))
    return Measured(output, first | metrics)


def perceptual_index(ma: float, niqe_value: float) -> float:
    """((10 - Ma) + NIQE) / 2, lower is better (Blau et al., "The 2018 PIRM challenge", equation 1).

    Args:
        ma: Ma's score of the output, 0..10.
        niqe_value: NIQE of the same output.
    """
    return ((BEST_MA - ma) + niqe_value) / 2


def notes(options: Options) -> list[str]:
    """Describe the protocol for people, a line a measure; of skipped ones what they need."""
    channel = (
        "Y of BT.601 (16..235; a grey image counts as RGB of equal channels)"
        if options.channel == "y"
        else "RGB (PSNR of the mean squared error over channels, SSIM the mean over channels)"
    )
    lines = [f"PSNR, SSIM: uint8, {channel}, {options.crop} px cropped; SSIM 11 x 11 Gaussian, sigma 1.5"]
    if options.keep_colors:
        lines.append("outputs have the low frequencies of their inputs (`keep_colors`); drift kept is the drift after")
    lines.append(f"drift: of RGB, low-passed at LR size (Gaussian, {LOW_PASS_SIGMA:g} px), in 1/255")
    lines.append(
        f"NIQE: of rounded Y, {options.crop} px cropped"
        if options.niqe
        else "NIQE: skipped, it needs `niqe_params` (the published file, or one of `esrgan niqe-fit`)"
    )
    lines.append(
        "PI: ((10 - Ma) + NIQE) / 2"
        if options.niqe and options.ma
        else "perceptual index: skipped, it needs `niqe_params` and `ma_scores`"
    )
    lines.append(
        f"LPIPS: of RGB, {options.crop} px cropped" if options.lpips else "LPIPS: skipped, it needs `lpips_weights`"
    )
    return lines
