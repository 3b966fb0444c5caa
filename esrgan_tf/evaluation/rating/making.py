"""Makes a static page on which people rate outputs without knowing what made them."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from esrgan_tf.errors import InputError
from esrgan_tf.evaluation.measures import Options, measure
from esrgan_tf.evaluation.pairs import AnyPair, load_pair
from esrgan_tf.evaluation.systems import BICUBIC, System
from esrgan_tf.image.io import to_float
from esrgan_tf.image.resize import bicubic_upscale

ORIGINAL = "original"  # the hidden reference
_PAGE = Path(__file__).parent / "page"


@dataclass(frozen=True)
class Made:
    """What was made: the page's folder, the key that says which output is whose, and how many outputs there are."""

    folder: Path
    key: Path
    outputs: int


def make_rating(
    systems: Sequence[System],
    pairs: Sequence[AnyPair],
    scale: int,
    options: Options,
    folder: Path,
    crop: int | None = None,
    seed: int = 0,
) -> Made:
    """Write the page, and beside it the key, which raters must not see.

    Among the systems' outputs are a hidden reference, the original, and a hidden anchor, bicubic. Files are named by a
    digest, and listed in the order of their names, so that neither tells what made them.

    Args:
        systems: as `open_systems` gives them.
        pairs: as `find_pairs` gives them, checked.
        scale: of the systems.
        options: what is measured of the whole outputs, for `read` to join.
        folder: of the page; must not be there.
        crop: px of the middle that is shown; `None` shows all.
        seed: of the files' names.

    Raises:
        InputError: the folder is there, a system has the name of the reference, or as `evaluate`.
        OSError: the system refuses to write.
    """
    key = folder.with_name(f"{folder.name}.key.json")
    for place in (folder, key):  # without its key a page's answers mean nothing
        if place.exists():
            raise InputError(f"`output` must not be there. Received: {place}.")
    names = [system.name for system in systems]
    if ORIGINAL in names:
        raise InputError(f"`model` must not be called {ORIGINAL}, as the hidden reference is.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".rating-", dir=folder.parent) as unfinished:
        trials = _write(Path(unfinished, folder.name), systems, pairs, scale, options, crop, seed)
        order = [ORIGINAL, BICUBIC, *(name for name in names if name != BICUBIC)]
        key.write_text(json.dumps({"systems": order, "scale": scale, "trials": trials}, indent=1))
        Path(unfinished, folder.name).rename(folder)
    return Made(folder, key, len(trials))


def _write(
    folder: Path,
    systems: Sequence[System],
    pairs: Sequence[AnyPair],
    scale: int,
    options: Options,
    crop: int | None,
    seed: int,
) -> dict[str, dict[str, object]]:
    """Write the page; returns what each file is of."""
    images = folder / "images"
    images.mkdir(parents=True)
    trials: dict[str, dict[str, object]] = {}
    for pair in pairs:
        hr, lr = load_pair(pair, scale)
        outputs = {system.name: system.upscale(to_float(lr)) for system in systems}
        outputs = {ORIGINAL: to_float(hr), BICUBIC: bicubic_upscale(to_float(lr), scale), **outputs}
        for name, output_01 in outputs.items():
            ma = options.ma.get((name, pair.name)) if options.ma else None
            measured = measure(output_01, hr, lr, scale, options, ma)
            file = f"{hashlib.sha256(f'{seed}/{pair.name}/{name}'.encode()).hexdigest()[:16]}.png"
            Image.fromarray(_middle(measured.output, crop)).save(images / file, optimize=True)
            metrics = {key: value for key, value in measured.metrics.items() if np.isfinite(value)}
            trials[file] = {"image": pair.name, "system": name, "metrics": metrics}
    for source in _PAGE.iterdir():
        (folder / source.name).write_bytes(source.read_bytes())
    (folder / "trials.json").write_text(json.dumps(sorted(trials)))
    return trials


def _middle(image: np.ndarray, crop: int | None) -> np.ndarray:
    """The middle of an image, at most so many px high and wide."""
    height, width = image.shape[:2]
    rows, columns = min(crop or height, height), min(crop or width, width)
    top, left = (height - rows) // 2, (width - columns) // 2
    return image[top : top + rows, left : left + columns]
