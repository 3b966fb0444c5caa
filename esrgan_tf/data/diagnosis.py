"""What is wrong with images before anything is trained on them, and what is worth knowing of them."""

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from esrgan_tf.data.frozen import test_image_of
from esrgan_tf.data.records.near_duplicates import dhash, near_duplicates
from esrgan_tf.data.source import Pair
from esrgan_tf.errors import InputError
from esrgan_tf.image.io import to_float, to_uint8
from esrgan_tf.image.reading import read_samples
from esrgan_tf.image.resize import imresize, imresize_uint8
from esrgan_tf.image.workers import Workers

ERROR, WARNING, FACT = "error", "warning", "fact"
SHOWN = 3  # names in a line
_SAME = 0.1  # 8-bit levels on average: two roundings of one kernel differ by less
_ALIKE = 18.0  # dB: an LR image that is further from its shrunken HR image is of another one
_TRIED = 12  # pairs whose kernel is looked for


class Finding(NamedTuple):
    """How bad it is (`ERROR` fails a run, `WARNING` spoils its result, `FACT` does neither), and what it is."""

    level: str
    text: str


class _Seen(NamedTuple):
    """What is kept of a decoded image: px, its kind, hash, and the test image that it is."""

    height: int
    width: int
    kind: str
    dhash: str
    test_image: str | None


def diagnose_images(pairs: Sequence[Pair], scale: int, smallest: int, workers: int | None = None) -> list[Finding]:
    """Decode every image, and look at sizes, pairs, kinds, duplicates and test images.

    Args:
        pairs: as `folders.find_images` and `find_pairs` give them.
        scale: HR size / LR size.
        smallest: px; smaller HR images are of no use.
        workers: threads; `None` is one a processor core.

    Returns:
        What was found, the worst first.
    """
    threads = Workers(workers or os.cpu_count() or 1)
    paths = list(dict.fromkeys(path for pair in pairs for path in (pair.hr, pair.lr) if path))
    seen = dict(zip(paths, threads.map(_look, paths), strict=True))
    broken = [error for error in seen.values() if isinstance(error, str)]
    images = {path: image for path, image in seen.items() if isinstance(image, _Seen)}
    sound = [pair for pair in pairs if pair.hr in images and (pair.lr is None or pair.lr in images)]
    found = [_several(WARNING, "cannot be read, and will be left out", broken)]
    small = [f"{p.hr}" for p in sound if min(images[p.hr].height, images[p.hr].width) < smallest]
    found.append(_several(WARNING, f"smaller than {smallest} x {smallest} px, and will be left out", small))
    unfit = [f"{p.lr}" for p in sound if p.lr and not _fits(images[p.hr], images[p.lr], scale)]
    found.append(_several(ERROR, f"LR images have not the size of their HR images at scale {scale}", unfit))
    found += _diagnose_pairs([pair for pair in sound if pair.lr and str(pair.lr) not in unfit], scale)
    originals = {pair.hr: images[pair.hr] for pair in sound}
    kinds = Counter(image.kind for image in originals.values())
    listed = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    found.append(Finding(FACT, f"{len(originals)} HR images that can be read: {listed}") if originals else None)
    if len(small) == len(sound):
        found.append(Finding(ERROR, "no image is left to train on"))
    alpha = sum(count for kind, count in kinds.items() if "alpha" in kind)
    if alpha:
        found.append(Finding(WARNING, f"{alpha} images have alpha, which is left out: RGB alone is trained"))
    tests = [f"{path} ({image.test_image})" for path, image in originals.items() if image.test_image]
    found.append(_several(WARNING, "test images of the field: do not measure on these sets", tests))
    twins = near_duplicates({str(path): image.dhash for path, image in originals.items()})
    found.append(
        _several(WARNING, "pairs of images are nearly the same", [f"{one} and {other}" for one, other, _ in twins])
    )
    order = (ERROR, WARNING, FACT)
    return sorted((finding for finding in found if finding), key=lambda finding: order.index(finding.level))


def lr_kernels() -> Mapping[str, Callable[[np.ndarray, int], np.ndarray]]:
    """The usual ways of making an LR image: (HR, uint8 [scale * h, scale * w, 3]; scale) -> uint8 [h, w, 3]."""

    def by_pillow(filter: Image.Resampling) -> Callable[[np.ndarray, int], np.ndarray]:
        def shrunk(hr: np.ndarray, scale: int) -> np.ndarray:
            return np.asarray(Image.fromarray(hr).resize((hr.shape[1] // scale, hr.shape[0] // scale), filter))

        return shrunk

    return {
        "MATLAB's bicubic of uint8, as this package makes it": lambda hr, scale: imresize_uint8(hr, 1 / scale),
        "MATLAB's bicubic of doubles, rounded once": lambda hr, scale: to_uint8(imresize(to_float(hr), 1 / scale)),
        "Pillow's bicubic": by_pillow(Image.Resampling.BICUBIC),
        "Pillow's Lanczos": by_pillow(Image.Resampling.LANCZOS),
        "the mean over blocks": by_pillow(Image.Resampling.BOX),
    }


def find_kernel(hr: np.ndarray, lr: np.ndarray, scale: int) -> tuple[str | None, float]:
    """Which kernel made an LR image.

    Args:
        hr: uint8 [scale * h, scale * w, 3].
        lr: uint8 [h, w, 3].
        scale: HR size / LR size.

    Returns:
        (its name in `lr_kernels`, or `None` for another one; the least mean difference, in 8-bit levels).
    """
    differences = {name: float(np.abs(made(hr, scale).astype(int) - lr).mean()) for name, made in lr_kernels().items()}
    name = min(differences, key=differences.get)
    return (name if differences[name] <= _SAME else None), differences[name]


def _diagnose_pairs(pairs: Sequence[Pair], scale: int) -> list[Finding | None]:
    """Whether LR images belong to their HR images, and what made them, by some of them."""
    if not pairs:
        return []
    strangers, kernels, shifted = [], Counter(), []
    for pair in pairs[:: max(1, len(pairs) // _TRIED)]:
        hr, lr = (read_samples(path).samples for path in (pair.hr, pair.lr))
        hr, lr = (_rgb(image) for image in (hr, lr))
        hr = hr[: scale * lr.shape[0], : scale * lr.shape[1]]
        made = imresize_uint8(hr, 1 / scale)
        if _psnr(made, lr) < _ALIKE:
            strangers.append(f"{pair.lr}")
            continue
        if shift := _shift(hr, lr, scale):
            shifted.append(f"{pair.lr} by about {shift[1]}, {shift[0]} px of HR")
        kernels[find_kernel(hr, lr, scale)[0]] += 1
    found = [
        _several(ERROR, "LR images do not look like their HR images", strangers),
        _several(WARNING, "LR images are shifted against their HR images", shifted),
    ]
    named = ", ".join(f"{count} by {name or 'another kernel'}" for name, count in kernels.most_common())
    if named:
        level = WARNING if len(kernels) > 1 or None in kernels else FACT
        advice = "" if level == FACT else "; what is trained learns to undo that, and nothing else"
        found.append(Finding(level, f"LR images are made {named} (of {sum(kernels.values())} tried){advice}"))
    return found


def _shift(hr: np.ndarray, lr: np.ndarray, scale: int) -> tuple[int, int] | None:
    """(rows, columns) of HR px by which HR must be moved to fit LR better by 1 dB; `None` where it fits as it is."""
    inner = (slice(2, -2), slice(2, -2))  # what is moved in from the other side is none of it
    scores = {}
    for rows in range(-scale + 1, scale):
        for columns in range(-scale + 1, scale):
            moved = imresize_uint8(np.roll(hr, (rows, columns), (0, 1)), 1 / scale)
            scores[rows, columns] = _psnr(moved[inner], lr[inner])
    best = max(scores, key=scores.get)
    return best if scores[best] > scores[0, 0] + 1 else None


def _look(path: object) -> "_Seen | str":
    """Decode an image, and keep what is compared; or a line about what is wrong."""
    try:
        samples = read_samples(path).samples
    except InputError as error:
        return str(error)
    rgb = _rgb(samples)
    kind = "grey" if samples.shape[2] <= 2 else "in colour"
    kind += " with alpha" if samples.shape[2] in (2, 4) else ""
    kind += ", 16 bits" if samples.dtype == np.uint16 else ""
    return _Seen(*rgb.shape[:2], kind, dhash(rgb), test_image_of(rgb))


def _rgb(samples: np.ndarray) -> np.ndarray:
    """Samples of a file as uint8 [h, w, 3]."""
    if samples.dtype != np.uint8:
        samples = to_uint8(to_float(samples))
    return samples[..., :3] if samples.shape[2] >= 3 else np.repeat(samples[..., :1], 3, axis=2)


def _fits(hr: _Seen, lr: _Seen, scale: int) -> bool:
    """Whether an LR image has the size of its HR image's."""
    return (lr.height, lr.width) == (hr.height // scale, hr.width // scale)


def _psnr(one: np.ndarray, other: np.ndarray) -> float:
    """PSNR of all channels together, dB; 99 of equal images."""
    error = float(((one.astype(np.float32) - other) ** 2).mean())
    return 10 * np.log10(255**2 / error) if error else 99.0


def _several(level: str, what: str, names: Sequence[str]) -> Finding | None:
    """A finding about some images, the first of which are named; `None` where there are none."""
    if not names:
        return None
    shown = "; ".join(names[:SHOWN]) + ("; ..." if len(names) > SHOWN else "")
    return Finding(level, f"{len(names)} {what}: {shown}")
