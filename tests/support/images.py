"""What the tests of image files share: images with known values, and how two are compared."""

import numpy as np
from PIL import Image, ImageCms

from esrgan_tf.data.dead_leaves import dead_leaves
from esrgan_tf.image import io as image_io
from esrgan_tf.image.io import DecodedImage

HEIGHT, WIDTH = 5, 7
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
GREY_PROFILE = SRGB[:16] + b"GRAY" + SRGB[20:]


def make_image(grey=False, alpha=False, bits=8, icc_profile=None, shape=(HEIGHT, WIDTH)):
    """An image of random values that the given bits hold exactly."""
    rng = np.random.default_rng(3)
    dtype = np.uint8 if bits == 8 else np.uint16
    samples = rng.integers(0, np.iinfo(dtype).max, (*shape, 4), dtype, endpoint=True)
    values = image_io.to_float(samples)
    rgb = np.repeat(values[..., :1], 3, axis=2) if grey else values[..., :3]
    return DecodedImage(rgb, values[..., 3] if alpha else None, grey, bits, icc_profile)


def assert_same(got, expected):
    """Every field of two images is equal, and of the documented types."""
    assert got.rgb.dtype == np.float32
    np.testing.assert_array_equal(got.rgb, expected.rgb)
    assert (got.alpha is None) == (expected.alpha is None)
    if expected.alpha is not None:
        assert got.alpha.dtype == np.float32
        np.testing.assert_array_equal(got.alpha, expected.alpha)
    assert (got.grey, got.bits) == (expected.grey, expected.bits)
    assert got.icc_profile == expected.icc_profile


def assert_one_line(caught, path):
    """The message is one line and begins with the file."""
    message = str(caught.value)
    assert message.startswith(f"`{path}` ")
    assert "\n" not in message


def write_noise(path, height=48, width=48, seed=0):
    """A file of random pixels; folders are created."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)
    Image.fromarray(values).save(path)
    return values


def write_photo(path, height=96, width=96, seed=0):
    """A file that looks a little like a photograph; folders are created."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(dead_leaves(max(height, width), seed)[:height, :width]).save(path)


def truncate(path):
    """Cut the second half off a file: its header still promises a whole image."""
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
