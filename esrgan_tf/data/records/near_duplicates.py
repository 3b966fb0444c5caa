"""Images that look alike, found by a perceptual hash."""

from collections.abc import Mapping

import numpy as np
from PIL import Image

NEAR = 4  # of 64 bits: resized and recompressed copies differ in fewer, other images in a score or more
BITS_OF_BYTE = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).sum(axis=1)


def dhash(rgb: np.ndarray) -> str:
    """The difference hash of an image: whether each pixel of its 9 x 8 px thumbnail is brighter than the next.

    Source: N. Krawetz, "Kind of Like That" (2013).

    Args:
        rgb: uint8 [height, width, 3].

    Returns:
        16 hexadecimal digits, 64 bits.
    """
    thumbnail = np.asarray(Image.fromarray(rgb).convert("L").resize((9, 8), Image.Resampling.BOX))
    return np.packbits(thumbnail[:, :-1] > thumbnail[:, 1:]).tobytes().hex()


def near_duplicates(hashes: Mapping[str, str]) -> tuple[tuple[str, str, int], ...]:
    """Find the pairs of images whose hashes differ in at most `NEAR` bits.

    Args:
        hashes: of each image, by its name.

    Returns:
        (name, later name, bits that differ) of each pair, in the order of `hashes`.
    """
    names = list(hashes)
    values = np.array([list(bytes.fromhex(value)) for value in hashes.values()], np.uint8).reshape(-1, 8)
    pairs = []
    for index, value in enumerate(values[:-1]):
        distances = BITS_OF_BYTE[values[index + 1 :] ^ value].sum(axis=1)
        for other in np.flatnonzero(distances <= NEAR):
            pairs.append((names[index], names[index + 1 + other], int(distances[other])))
    return tuple(pairs)
