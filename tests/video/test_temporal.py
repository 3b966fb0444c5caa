"""The median over three frames: what stands still is steadied, what moves stays."""

import numpy as np

from esrgan_tf.video.temporal import steady


def flat(value, shape=(4, 6, 3)):
    return np.full(shape, value, np.uint8)


def test_flicker_of_an_input_that_stands_still_goes():
    inputs = [flat(100 + number % 3) for number in range(5)]
    outputs = [flat(value, (8, 12, 3)) for value in (100, 180, 104, 20, 102)]
    steadied = [output[0, 0, 0] for output in steady(zip(inputs, outputs, strict=True))]
    assert steadied == [100, 104, 104, 102, 102]  # the first and the last stay


def test_what_moves_stays_as_it_is_and_the_rest_is_steadied():
    inputs = [flat(100), flat(100), flat(100)]
    inputs[1] = inputs[1].copy()
    inputs[1][:, :3] = 200  # the left half moves
    outputs = [flat(50, (8, 12, 3)), flat(250, (8, 12, 3)), flat(60, (8, 12, 3))]
    middle = list(steady(zip(inputs, outputs, strict=True)))[1]
    assert (middle[:, :6] == 250).all() and (middle[:, 6:] == 60).all()


def test_a_cut_is_no_flicker():
    inputs = [flat(10), flat(200), flat(200)]
    outputs = [flat(10, (8, 12, 3)), flat(210, (8, 12, 3)), flat(190, (8, 12, 3))]
    assert [output[0, 0, 0] for output in steady(zip(inputs, outputs, strict=True))] == [10, 210, 190]


def test_16_bits_are_judged_by_their_own_range():
    inputs = [flat(0).astype(np.uint16) + value for value in (25700, 26000, 25800)]
    outputs = [np.full((8, 12, 3), value, np.uint16) for value in (100, 60000, 200)]
    assert list(steady(zip(inputs, outputs, strict=True)))[1].max() == 200


def test_sizes_that_are_no_multiples_are_matched_by_place():
    inputs = [flat(100, (4, 4, 3)) for _ in range(3)]
    inputs[1] = inputs[1].copy()
    inputs[1][:2] = 200
    outputs = [flat(value, (6, 6, 3)) for value in (50, 250, 60)]
    middle = list(steady(zip(inputs, outputs, strict=True)))[1]
    assert (middle[:3] == 250).all() and (middle[3:] == 60).all()


def test_no_frames_and_one_frame_pass_through():
    assert list(steady([])) == []
    (only,) = steady([(flat(1), flat(2, (8, 12, 3)))])
    assert (only == 2).all()
