"""Images that look alike are found, others are not."""

import io

import numpy as np
from PIL import Image

from esrgan_tf.data.dead_leaves import dead_leaves
from esrgan_tf.data.records.near_duplicates import dhash, near_duplicates


def recompressed(rgb, side):
    buffer = io.BytesIO()
    Image.fromarray(rgb).resize((side, side), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=60)
    return np.asarray(Image.open(buffer))


def test_a_bit_says_whether_a_pixel_is_brighter_than_the_next():
    ramp = np.broadcast_to(np.arange(9, dtype=np.uint8)[None, :, None] * 10, (8, 9, 3))
    assert dhash(np.ascontiguousarray(ramp)) == "00" * 8
    assert dhash(np.ascontiguousarray(ramp[:, ::-1])) == "ff" * 8


def test_resized_and_recompressed_copies_are_found_and_other_images_are_not():
    originals = {f"{number}": dead_leaves(128, 0, number) for number in range(8)}
    copies = {f"copy of {name}": recompressed(rgb, 96) for name, rgb in list(originals.items())[:3]}
    found = near_duplicates({name: dhash(rgb) for name, rgb in (originals | copies).items()})
    assert [(first, second) for first, second, _ in found] == [(f"{n}", f"copy of {n}") for n in range(3)]


def test_bits_that_differ_are_counted():
    hashes = {"a": "00" * 8, "b": "00" * 7 + "0f", "c": "00" * 7 + "1f", "d": "ff" * 8}
    assert near_duplicates(hashes) == (("a", "b", 4), ("b", "c", 1))
    assert near_duplicates({"a": "00" * 8}) == near_duplicates({}) == ()
