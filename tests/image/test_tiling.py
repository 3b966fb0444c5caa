"""Tiles: they cover every pixel once, and their output is the whole image's."""

import time
from threading import Barrier

import numpy as np
import pytest

from esrgan_tf.image.tiling import even_tile, spans, upscale_by_tiles
from esrgan_tf.image.workers import Workers


@pytest.mark.parametrize("length", [1, 9, 10, 11, 16, 17, 47, 100])
def test_spans_cover_the_axis_once_and_keep_their_distance_from_cut_edges(length):
    found = spans(length, 10, 2)
    kept = [position for span in found for position in range(span.keep_start, span.keep_stop)]
    assert kept == list(range(length))
    for span in found:
        assert span.stop - span.start == min(length, 10)
        assert span.start == 0 or span.keep_start - span.start >= 2
        assert span.stop == length or span.stop - span.keep_stop >= 2


@pytest.mark.parametrize(("tile", "overlap"), [(8, 4), (8, -1)])
def test_a_tile_without_a_middle_is_refused(tile, overlap):
    with pytest.raises(ValueError, match=f"Received: tile={tile}, overlap={overlap}"):
        spans(20, tile, overlap)


def test_tiles_give_what_the_whole_image_gives():
    def blur_and_repeat(image):  # sees 2 px to each side
        padded = np.pad(image, ((2, 2), (2, 2), (0, 0)))
        blurred = sum(padded[i : i + len(image), j : j + image.shape[1]] for i in range(5) for j in range(5)) / 25
        return blurred.repeat(3, 0).repeat(3, 1)

    image = np.random.default_rng(0).uniform(size=(23, 31, 3)).astype(np.float32)
    tiled = upscale_by_tiles(image, blur_and_repeat, 3, tile=10, overlap=2)
    np.testing.assert_allclose(tiled, blur_and_repeat(image), rtol=1e-5)


def test_tiles_are_made_at_once_where_it_is_worth_it():
    both = Barrier(2, timeout=30)  # a tile goes on when another is there as well

    def repeat(image):
        both.wait()
        return image.repeat(2, 0).repeat(2, 1)

    image = np.random.default_rng(0).uniform(size=(16, 16, 3)).astype(np.float32)
    tiled = upscale_by_tiles(image, repeat, 2, tile=10, overlap=2, mapping=Workers(2).map)
    np.testing.assert_array_equal(tiled, image.repeat(2, 0).repeat(2, 1))


def test_few_tiles_are_begun_after_one_that_failed():
    begun = []

    def fail(image):
        begun.append(1)
        time.sleep(0.01)
        raise MemoryError

    with pytest.raises(MemoryError):
        upscale_by_tiles(np.zeros((200, 200, 3), np.float32), fail, 2, tile=10, overlap=2, mapping=Workers(2).map)
    assert len(begun) < 34**2 / 2


@pytest.mark.parametrize(
    ("length", "tile", "overlap", "multiple"), [(1024, 656, 18, 1), (257, 256, 32, 2), (99, 20, 4, 4)]
)
def test_an_even_tile_covers_with_as_few_tiles_and_less_twice(length, tile, overlap, multiple):
    even = even_tile(length, tile, overlap, multiple)
    assert len(spans(length, even, overlap)) == len(spans(length, tile, overlap))
    assert even <= tile and even % multiple == 0
    smaller = even - multiple
    assert smaller <= 2 * overlap or len(spans(length, smaller, overlap)) > len(spans(length, tile, overlap))


def test_a_short_axis_has_the_tile_itself():
    assert even_tile(100, 128, 16) == 128
