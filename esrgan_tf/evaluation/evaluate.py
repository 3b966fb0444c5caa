"""Every system on every image."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from esrgan_tf.errors import InputError
from esrgan_tf.evaluation.measures import Options, measure
from esrgan_tf.evaluation.pairs import AnyPair, check_pairs, find_pairs, load_pair
from esrgan_tf.evaluation.panels import write_panel
from esrgan_tf.evaluation.systems import System, open_systems
from esrgan_tf.image.io import to_float
from esrgan_tf.recipes.degradation import DegradationConfig

MEAN = "mean"


@dataclass(frozen=True)
class Row:
    """The numbers of one system on one image, or its means."""

    image: str
    system: str
    metrics: dict[str, float]


@dataclass(frozen=True)
class Evaluation:
    """The systems' names, the first being the baseline, and a row of each for every image, in this order."""

    systems: tuple[str, ...]
    rows: tuple[Row, ...]

    def means(self) -> list[Row]:
        """A row a system: the mean over images (of PSNR, the mean of the decibels, as the field has it)."""
        means = []
        for system in self.systems:
            rows = [row.metrics for row in self.rows if row.system == system]
            means.append(Row(MEAN, system, {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}))
        return means

    def with_differences(self) -> list[tuple[Row, dict[str, float]]]:
        """All rows, the means last, each with its numbers less the baseline's; nothing for the baseline itself."""
        rows, count = [*self.rows, *self.means()], len(self.systems)
        return [
            (row, _difference(row.metrics, rows[index - index % count].metrics) if index % count else {})
            for index, row in enumerate(rows)
        ]


def evaluate(
    pairs: Iterable[AnyPair],
    systems: Sequence[System],
    scale: int,
    options: Options,
    panels: str | Path | None = None,
) -> Evaluation:
    """Measure every system on every image.

    Args:
        pairs: as `find_pairs` gives them, checked.
        systems: as `open_systems` gives them.
        scale: theirs.
        options: what is measured.
        panels: a folder for a panel of each image.

    Raises:
        InputError: an image that cannot be read, upscaled or measured.
        OSError: a panel cannot be written.
    """
    rows = []
    for pair in pairs:
        hr, lr = load_pair(pair, scale)
        outputs = []
        for system in systems:
            try:
                output_01 = system.upscale(to_float(lr))
                ma = options.ma[system.name, pair.name] if options.ma else None
                measured = measure(output_01, hr, lr, scale, options, ma)
            except InputError as error:
                raise InputError(f"`{pair.hr}`, {system.name}: {error}") from error
            rows.append(Row(pair.name, system.name, measured.metrics))
            outputs.append((system.name, measured))
        if panels:
            write_panel(Path(panels) / f"{pair.name}.png", outputs, hr, lr, scale, options.crop)
    return Evaluation(tuple(system.name for system in systems), tuple(rows))


def evaluate_models(
    models: Sequence[str | Path],
    data: str | Path,
    scale: int | None = None,
    options: Options | None = None,
    degradation: DegradationConfig | None = None,
) -> Evaluation:
    """Open models and images, and measure every model on every image.

    Args:
        models: files, work directories, or "bicubic"; the first is the baseline.
        data: images whose originals are known, as `data` of every command: a folder of originals, or
            `hr=FOLDER,lr=FOLDER`.
        scale: needed where nothing but bicubic is measured.
        options: what is measured; `None`: PSNR, SSIM and colour drift on Y, `scale` px cropped.
        degradation: makes the LR of each image, its seed the image's place among them; `None`: MATLAB's bicubic does.

    Raises:
        InputError: models or images that cannot be used.
    """
    systems, scale = open_systems([str(model) for model in models], scale, None, None)
    pairs = find_pairs(str(data), scale, degradation)
    options = options or Options(crop=scale)
    check_pairs(pairs, scale, options)
    return evaluate(pairs, systems, scale, options)


def _difference(metrics: dict[str, float], base: dict[str, float]) -> dict[str, float]:
    """Numbers less others; two infinite PSNRs do not differ."""
    return {key: value - base[key] if value != base[key] else 0.0 for key, value in metrics.items()}
