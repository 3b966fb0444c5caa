"""Where sub-images lie, which of them are flat, and which options there are."""

import numpy as np
import pytest

from esrgan_tf.data.records.sub_images import Cutting, detail
from esrgan_tf.errors import InputError


@pytest.mark.parametrize(
    ("side", "starts"),
    [
        (479, []),
        (480, [0]),
        (528, [0]),  # a rest of 48 px is not worth another sub-image, as in the official script
        (540, [0, 60]),
        (720, [0, 240]),
        (1020, [0, 240, 480, 540]),
        (1031, [0, 240, 480, 540]),  # the border is that of the largest multiple of 12
    ],
)
def test_starts_are_those_of_the_official_script(side, starts):
    assert Cutting().windows(480, side) == tuple((0, left) for left in starts)
    assert Cutting().windows(side, 480) == tuple((top, 0) for top in starts)


def test_windows_lie_inside_row_by_row_on_multiples_of_every_scale():
    cutting = Cutting(crop=48, step=24, scales=(2, 3, 8))
    windows = cutting.windows(131, 107)
    assert windows == tuple(sorted(windows)) and len(set(windows)) == len(windows)
    assert {top for top, _ in windows} == {0, 24, 48, 72}
    assert {left for _, left in windows} == {0, 24, 48}
    assert cutting.sides == {"hr": 48, "x2": 24, "x3": 16, "x8": 6}


def test_detail_is_the_mean_difference_of_neighbours():
    assert detail(np.full((8, 8, 3), 200, np.uint8)) == 0
    columns = np.tile(np.array([0, 10], np.uint8), 4)
    stripes = np.broadcast_to(columns[None, :, None], (8, 8, 3))
    assert detail(stripes) == 5  # 10 from column to column, 0 from row to row
    white = np.zeros((2, 2, 3), np.uint8)
    white[0] = 255
    assert detail(white) == 127.5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scales": ()}, "`scale` must be whole numbers from 2, each once. Received: \\[\\]"),
        ({"scales": (1, 2)}, "`scale` must be whole numbers from 2"),
        ({"scales": (2, 2)}, "`scale` must be .* each once"),
        ({"crop": 250}, "`crop` must be a multiple of 12, for the scales 2, 3, 4. Received: 250"),
        ({"crop": 0}, "`crop` must be a multiple of 12.* Received: 0"),
        ({"step": 10}, "`step` must be a multiple of 12.* Received: 10"),
        ({"flat": -1.0}, "`flat` must be from 0 to below 256. Received: -1"),
        ({"flat": float("nan")}, "`flat` must be from 0"),
    ],
)
def test_options_without_meaning_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        Cutting(**options)
