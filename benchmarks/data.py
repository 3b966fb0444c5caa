"""Crops a second by source of training data, in turn in one run: HR 128 px and LR 32 px, flipped and turned.

    python benchmarks/data.py --output=data.json        # about three minutes

Every source has a process of its own; one works at a time, medians are over several rounds. The images are mosaics of
the sample's photographs, made here, so that their PNGs are as large as photographs'; all files are in the page cache.
Writes JSON, and prints a Markdown table. `pip install torch` for PyTorch's loader; what is not installed is said.
"""

import argparse
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from PIL import Image
from workers import peak_mib, start_workers

from esrgan_tf.data.records.preparation import prepare
from esrgan_tf.data.records.sub_images import Cutting
from esrgan_tf.data.sample import sample_photographs
from esrgan_tf.image.io import read_rgb
from esrgan_tf.recipes import get_degradation
from esrgan_tf.recipes.configs import DataConfig

SCALE, PATCH, BATCH = 4, 128, 16
WHOLE, SMALL = (1080, 1920), (512, 512)  # px: two megapixels, and what a decoder makes little of
TILE = (360, 384)  # px, of a mosaic
SUB_IMAGES = 128  # as PNG, for PyTorch's loader
ROUND_SECONDS = 4.0


def main() -> None:
    """Time every source."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sources", default=",".join(SOURCES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--images", type=int, default=16, help="of two megapixels, and four times as many of 512 px")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        _write_images(Path(folder), arguments.images)
        workers = start_workers(arguments.sources.split(","), partial(_prepare, folder))
        found = {name: {"crops_per_second": [], "peak_mib": 0.0} for name in workers}
        for _ in range(arguments.rounds):
            for name, worker in workers.items():
                rate, found[name]["peak_mib"] = worker.measure()
                found[name]["crops_per_second"].append(rate)
        for worker in workers.values():
            worker.close()
    _print_table(found)
    if arguments.output:
        arguments.output.write_text(json.dumps(found, indent=2))


def _write_images(folder: Path, count: int) -> None:
    """Mosaics as PNG of both sizes, records of the large ones, and some of their sub-images as PNG."""
    photographs = [read_rgb(pair.hr) for pair in sample_photographs()[0]]
    photographs = [rgb for rgb in photographs if min(rgb.shape[:2]) >= max(TILE) and rgb[..., 0].std() > 20]
    rng = np.random.default_rng(0)
    for kind, size, images in (("whole", WHOLE, count), ("small", SMALL, 4 * count)):
        (folder / kind).mkdir()
        for number in range(images):
            Image.fromarray(_mosaic(photographs, size, rng)).save(folder / kind / f"{number:03}.png", compress_level=3)
    records = prepare(str(folder / "whole"), folder / "records", Cutting(scales=(SCALE,)))
    for number in range(min(SUB_IMAGES, records.count)):
        for kind in records.cutting.sides:
            (folder / kind).mkdir(exist_ok=True)
            Image.fromarray(records.read(kind, number)).save(folder / kind / f"{number:03}.png", compress_level=3)


def _mosaic(photographs: list[np.ndarray], size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Random windows of photographs side by side: uint8 [*size, 3]."""
    mosaic = np.zeros((*size, 3), np.uint8)
    for top in range(0, size[0], TILE[0]):
        for left in range(0, size[1], TILE[1]):
            part = mosaic[top : top + TILE[0], left : left + TILE[1]]
            photograph = photographs[rng.integers(len(photographs))]
            y, x = (rng.integers(side - cut + 1) for side, cut in zip(photograph.shape, part.shape[:2], strict=False))
            part[:] = photograph[y : y + part.shape[0], x : x + part.shape[1]]
    return mosaic


def _batches(data: Path, config: DataConfig) -> Iterator:
    """Training batches of what `--data` names."""
    from esrgan_tf.data.pipeline import training_batches
    from esrgan_tf.data.sources import open_sources

    return iter(training_batches(open_sources(str(data), config, SCALE, PATCH, 0), config, SCALE, PATCH, BATCH, 0))


def _streamed(crops: int) -> DataConfig:
    """So many crops of each image that is decoded; the buffer only delays the first batch, and is kept small."""
    return DataConfig(crops_per_picture=crops, shuffle_buffer=64)


class _SubImages:
    """A map of sub-images in PNG to aligned crops, flipped and turned, as PyTorch's loaders take it."""

    def __init__(self, folder: Path):
        self._pairs = [(path, folder / f"x{SCALE}" / path.name) for path in sorted((folder / "hr").iterdir())]

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        hr, lr = map(read_rgb, self._pairs[index])
        patch = PATCH // SCALE
        top, left = (random.randrange(side - patch + 1) for side in lr.shape[:2])
        flipped, turns = random.randrange(2), random.randrange(4)
        crops = [
            image[f * top : f * (top + patch), f * left : f * (left + patch)] for image, f in ((hr, SCALE), (lr, 1))
        ]
        hr, lr = (np.rot90(crop[:, ::-1] if flipped else crop, turns).copy() for crop in crops)
        return hr, lr


def _torch_batches(folder: Path) -> Iterator:
    """PyTorch's loader over sub-images in PNG, with two processes, as super-resolution projects use it."""
    from torch.utils.data import DataLoader, RandomSampler

    images = _SubImages(folder)
    sampler = RandomSampler(images, replacement=True, num_samples=10**6)  # one epoch without end
    return iter(DataLoader(images, BATCH, sampler=sampler, num_workers=2, multiprocessing_context="fork"))


SOURCES: dict[str, Callable[[Path], Iterator]] = {
    "records": lambda folder: _batches(folder / "records", DataConfig()),
    "512 px PNG 8 crops each": lambda folder: _batches(folder / "small", _streamed(8)),
    "512 px PNG one crop each": lambda folder: _batches(folder / "small", _streamed(1)),
    "2 megapixel PNG 8 crops each": lambda folder: _batches(folder / "whole", _streamed(8)),
    "2 megapixel PNG one crop each": lambda folder: _batches(folder / "whole", _streamed(1)),
    "PyTorch loader 480 px PNG": _torch_batches,
    "records degraded": lambda folder: _batches(
        folder / "records", DataConfig(degradation=get_degradation("realesrgan"))
    ),
}


def _prepare(folder: str, name: str) -> Callable[[object], tuple[float, float]]:
    """Open a source and read its first batch: () -> crops a second of a round, peak memory in MiB so far."""
    batches = SOURCES[name](Path(folder))
    next(batches)

    def measure(_: object) -> tuple[float, float]:
        for _ in range(3):  # what was read ahead meanwhile
            next(batches)
        start, count = time.perf_counter(), 0
        while (seconds := time.perf_counter() - start) < ROUND_SECONDS:
            next(batches)
            count += BATCH
        return count / seconds, peak_mib()

    return measure


def _print_table(found: dict[str, dict]) -> None:
    """Print the rates, the fastest first."""
    rates = {name: statistics.median(source["crops_per_second"]) for name, source in found.items()}
    slowest = min(rates.values())
    print("\n| source | crops/s, median | lowest, highest | times the slowest | peak MiB |\n|---|---|---|---|---|")
    for name, rate in sorted(rates.items(), key=lambda item: -item[1]):
        every, peak = found[name]["crops_per_second"], found[name]["peak_mib"]
        print(f"| {name} | {rate:.0f} | {min(every):.0f}, {max(every):.0f} | {rate / slowest:.1f} | {peak:.0f} |")


if __name__ == "__main__":
    main()
