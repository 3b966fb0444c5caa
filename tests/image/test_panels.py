"""Comparison images: where cells and captions lie, and which crop is chosen."""

import numpy as np
import pytest

from esrgan_tf.image.panels import most_detailed_crop, side_by_side, upscale_nearest

MARGIN = 8


def plain(colour, height=40, width=90):
    """An image of one colour."""
    return np.full((height, width, 3), colour, np.float32)


def test_cells_stand_in_order_with_their_pixels_unchanged():
    rng = np.random.default_rng(0)
    values = rng.integers(0, 256, (2, 40, 90, 3), np.uint8)
    panel = side_by_side([(name, v / np.float32(255)) for name, v in zip("ab", values, strict=True)])
    assert panel.dtype == np.uint8
    assert panel.shape[1] == 3 * MARGIN + 2 * 90
    np.testing.assert_array_equal(panel[MARGIN : MARGIN + 40, MARGIN : MARGIN + 90], values[0])
    np.testing.assert_array_equal(panel[MARGIN : MARGIN + 40, 2 * MARGIN + 90 : 2 * MARGIN + 180], values[1])


def test_everything_but_cells_and_captions_is_white():
    panel = side_by_side([("a", plain([1, 0, 0])), ("b", plain([0, 0, 1]))])
    assert (panel[:MARGIN] == 255).all()
    assert (panel[-MARGIN:] == 255).all()
    assert (panel[:, :MARGIN] == 255).all()
    assert (panel[:, -MARGIN:] == 255).all()
    assert (panel[:, MARGIN + 90 : 2 * MARGIN + 90] == 255).all()


def caption_columns(panel, height=40):
    """Columns that hold ink below the cells."""
    return np.flatnonzero((panel[MARGIN + height + 1 :] < 255).any(axis=(0, 2)))


@pytest.mark.parametrize("caption", ["x", "bicubic\n28.42 dB / 0.8104", "a caption that is rather long"])
@pytest.mark.parametrize("width", [160, 400, 1200])
def test_caption_stays_below_its_cell_and_is_centred(caption, width):
    panel = side_by_side([(caption, plain(0.5, width=width)), ("", plain(0.5, width=width))])
    assert panel.shape[1] == 3 * MARGIN + 2 * width
    columns = caption_columns(panel)
    assert MARGIN <= columns[0] <= columns[-1] < MARGIN + width
    assert abs((columns[0] + columns[-1]) / 2 - (MARGIN + (width - 1) / 2)) <= 3


def test_long_caption_gets_a_smaller_font_than_a_short_one():
    def letter_height(caption):
        ink = (side_by_side([(caption, plain(0.5, width=240))])[MARGIN + 41 :] < 128).any(axis=(1, 2))
        return np.ptp(np.flatnonzero(ink))

    assert letter_height("HHHHHHHHHHHHHHHHHHHHHHHHH") < letter_height("HHH")


def test_second_line_makes_the_panel_taller():
    one, two = (side_by_side([(caption, plain(0.5))]) for caption in ("bicubic", "bicubic\n28.42 dB"))
    assert two.shape[0] > one.shape[0]


def test_cells_too_narrow_for_a_readable_caption_move_apart():
    panel = side_by_side([("28.42 dB / 0.8104", plain(0.5, width=20))] * 2)
    columns = caption_columns(panel)
    assert panel.shape[1] > 3 * MARGIN + 2 * 20
    assert MARGIN <= columns[0] <= columns[-1] < panel.shape[1] - MARGIN
    cell_columns = np.flatnonzero((panel[MARGIN] < 255).any(axis=1))
    assert len(cell_columns) == 40
    assert abs(cell_columns.mean() - (panel.shape[1] - 1) / 2) <= 1


def test_no_cells_and_different_shapes_are_refused():
    with pytest.raises(ValueError, match="at least one image"):
        side_by_side([])
    with pytest.raises(ValueError, match="one shape"):
        side_by_side([("a", plain(0, 4, 4)), ("b", plain(0, 4, 5))])
    with pytest.raises(ValueError, match="one shape"):
        side_by_side([("a", np.zeros((4, 4), np.float32))])


def test_crop_lies_on_the_detail():
    image = plain(0.5, 50, 70)
    image[30:38, 41:49] = np.indices((8, 8)).sum(axis=0)[..., None] % 2
    assert most_detailed_crop(image, 8) == (30, 41)


def test_crop_has_the_highest_energy_of_all_windows():
    image = np.random.default_rng(1).random((12, 15, 3), np.float32)
    grey = np.rint(image * 255).sum(axis=2)
    energy = {}
    for top in range(12 - 5 + 1):
        for left in range(15 - 5 + 1):
            window = grey[top : top + 5, left : left + 5]
            energy[top, left] = (np.diff(window, axis=0) ** 2).sum() + (np.diff(window, axis=1) ** 2).sum()
    assert most_detailed_crop(image, 5) == max(energy, key=energy.get)


def test_first_of_equal_windows_is_taken():
    assert most_detailed_crop(plain(0.3), 16) == (0, 0)


def test_crop_can_be_the_whole_image():
    assert most_detailed_crop(plain(0.3, 16, 16), 16) == (0, 0)


@pytest.mark.parametrize("size", [1, 41])
def test_crop_size_that_does_not_fit_is_refused(size):
    with pytest.raises(ValueError, match=f"`size` must be 2..40 .* size={size}"):
        most_detailed_crop(plain(0.5), size)


def test_enlarging_repeats_every_pixel_to_a_square():
    pixels = np.arange(6, dtype=np.float32).reshape(1, 2, 3)
    large = upscale_nearest(pixels, 3)
    assert (large.shape, large.dtype) == ((3, 6, 3), np.float32)
    np.testing.assert_array_equal(large[:, :3], np.broadcast_to(pixels[:, :1], (3, 3, 3)))
    np.testing.assert_array_equal(large[:, 3:], np.broadcast_to(pixels[:, 1:], (3, 3, 3)))


def test_enlarging_by_less_than_one_is_refused():
    with pytest.raises(ValueError, match="factor=0"):
        upscale_nearest(plain(0.5), 0)
