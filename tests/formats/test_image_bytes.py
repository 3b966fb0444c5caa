"""PNG and JPEG inside a graph: kinds that come back, and what is refused."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from esrgan_tf.formats.saved_model.image_bytes import check_and_decode, encode, to_uint8
from esrgan_tf.image.io import to_uint8 as numpy_to_uint8

LIMIT = 5000
CHANNELS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4}


@tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
def decode(files):
    return check_and_decode(files, LIMIT)


def values(mode="RGB", height=20, width=13, seed=0):
    samples = np.random.default_rng(seed).integers(0, 256, (height, width, CHANNELS[mode]), np.uint8)
    return samples[..., 0] if mode == "L" else samples


def file_of(samples, form="PNG", mode=None, **options):
    file = io.BytesIO()
    image = samples if isinstance(samples, Image.Image) else Image.fromarray(samples, mode)
    image.save(file, form, **options)
    return file.getvalue()


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_every_kind_of_png_comes_back_as_it_was(mode):
    samples = values(mode)
    rgba, channels = decode([file_of(samples)])
    assert channels.numpy() == [CHANNELS[mode]]
    rgba = tf.cast(rgba, tf.float32) / 255
    png = encode(rgba[..., :3], rgba[..., 3:], channels)[0].numpy()
    image = Image.open(io.BytesIO(png))
    assert (image.format, image.mode) == ("PNG", mode)
    np.testing.assert_array_equal(image, samples)


def test_several_files_of_one_size_and_different_kinds():
    files = [file_of(values("L")), file_of(values("RGBA", seed=1)), file_of(values("RGB"), "JPEG")]
    rgba, channels = decode(files)
    assert rgba.shape == (3, 20, 13, 4)
    assert channels.numpy().tolist() == [1, 4, 3]
    np.testing.assert_array_equal(rgba[0, ..., :3], np.repeat(values("L")[..., None], 3, 2))
    np.testing.assert_array_equal(rgba[1], values("RGBA", seed=1))
    np.testing.assert_array_equal(rgba[2, ..., 3], 255)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_jpeg_is_decoded_as_pillow_decodes_it(mode):
    smooth = np.broadcast_to(np.linspace(0, 255, 16).astype(np.uint8)[:, None], (16, 24))
    samples = smooth if mode == "L" else np.stack([smooth] * 3, -1)
    file = file_of(np.ascontiguousarray(samples), "JPEG", quality=95)
    rgba, channels = decode([file])
    assert channels.numpy() == [CHANNELS[mode]]
    pillow = np.array(Image.open(io.BytesIO(file)).convert("RGB"), int)
    assert np.abs(rgba[0, ..., :3].numpy().astype(int) - pillow).max() <= 2


def test_a_palette_becomes_colours_with_its_transparency():
    image = Image.fromarray(values()).quantize(8)
    rgba, channels = decode([file_of(image, transparency=0)])
    assert channels.numpy() == [4]
    np.testing.assert_array_equal(
        rgba[0], np.array(Image.open(io.BytesIO(file_of(image, transparency=0))).convert("RGBA"))
    )


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_transparent_colour_becomes_alpha(mode):
    samples = values(mode)
    colour = samples[3, 5].item() if mode == "L" else tuple(samples[3, 5].tolist())
    file = file_of(samples, transparency=colour)
    rgba, channels = decode([file])
    assert channels.numpy() == [4] and rgba[0, 3, 5, 3] == 0
    np.testing.assert_array_equal(rgba[0], np.array(Image.open(io.BytesIO(file)).convert("RGBA")))


def test_values_are_rounded_once_and_clipped_as_everywhere():
    image = np.random.default_rng(0).uniform(-0.2, 1.2, (9, 9, 3)).astype(np.float32)
    np.testing.assert_array_equal(to_uint8(image), numpy_to_uint8(image))


FRAMES = [Image.fromarray(values(seed=seed)) for seed in range(3)]
PNG, JPEG = file_of(values()), file_of(values(), "JPEG")
REFUSED = {
    "no image": ([b"hello world" * 9], "must be PNG or JPEG"),
    "no bytes": ([b""], "must be PNG or JPEG"),
    "a header alone": ([PNG[:20]], "must be PNG or JPEG"),
    "a GIF": ([file_of(FRAMES[0], "GIF")], "must be PNG or JPEG"),
    "an animated PNG": ([file_of(FRAMES[0], save_all=True, append_images=FRAMES[1:])], "Received an animated PNG"),
    "a CMYK JPEG": ([file_of(values("CMYK"), "JPEG", mode="CMYK")], "Received a CMYK JPEG"),
    "a truncated PNG": ([PNG[: len(PNG) // 2]], "Invalid PNG"),
    "a truncated JPEG": ([JPEG[: len(JPEG) // 2]], "Invalid JPEG"),
    "too many pixels": ([file_of(values(height=100, width=60))], "at most 5000 pixels.*6000"),
    "too many images": ([PNG] * 20, "at most 5000 pixels.*5200"),
    "a promise of too many pixels": ([PNG[:16] + b"\x7f\xff\xff\xff" * 2 + PNG[24:]], "at most 5000 pixels"),
    "sizes that differ": ([PNG, file_of(values(height=13, width=20))], "must have one size"),
    "nothing": ([], "at least one image"),
}


@pytest.mark.parametrize("files, message", REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_served_is_refused_and_said(files, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"(?s){message}"):
        decode(tf.constant(files, tf.string))
