"""LiteRT files in int8: what they are calibrated on, what stays in float, and what they cost."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from support.exports import write_tflite
from support.families import FAMILIES, TILE, built
from support.images import write_photo

from esrgan_tf import compat
from esrgan_tf.formats.examples import Example
from esrgan_tf.formats.keras_file.runtime import keras_network
from esrgan_tf.formats.registry import open_network
from esrgan_tf.formats.tflite.quantization import _calibrate, _groups, _quantize, _run, quantize
from esrgan_tf.formats.tflite.ranges import best_range, best_ranges, with_ranges
from esrgan_tf.formats.tflite.xnnpack import xnnpack_share
from esrgan_tf.image.io import to_float, to_uint8
from esrgan_tf.image.resize import imresize_uint8
from esrgan_tf.models.fusion import fuse_branches, merge_upsampling


@pytest.fixture(scope="module")
def model():
    return built(FAMILIES["rrdb"])


def photographs(folder, scale):
    """Four examples of TILE px."""
    found = []
    for seed in range(4):
        write_photo(folder / f"{seed}.png", scale * TILE, scale * TILE, seed)
        hr = np.asarray(Image.open(folder / f"{seed}.png"))
        found.append(Example(str(seed), to_float(imresize_uint8(hr, 1 / scale)), to_float(hr), scale))
    return found


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    return photographs(tmp_path_factory.mktemp("photos"), 4)


@pytest.fixture(scope="module")
def quantized(model, examples):
    return quantize(merge_upsampling(model), TILE, examples, max_psnr_change=10)


def test_int8_takes_and_gives_bytes_of_the_whole_range(tmp_path, model, quantized):
    assert quantized.in_float == ()
    interpreter = tf.lite.Interpreter(model_content=quantized.tflite)
    for details in (*interpreter.get_input_details(), *interpreter.get_output_details()):
        assert details["dtype"] == np.uint8
        assert details["quantization"] == (pytest.approx(1 / 255), 0)
    weights = [
        details["quantization_parameters"]["scales"].size
        for details in interpreter.get_tensor_details()
        if details["dtype"] == np.int8 and len(details["shape"]) == 4 and details["shape"][1] == 3
    ]
    assert len(weights) > 15 and set(weights) <= {2, 3, 4}  # one scale for each output channel


@pytest.mark.parametrize("family", ["unshuffled", "edsr", "rcan", "srvgg", "span", "phone", "phone_skips"])
def test_other_families_become_int8(tmp_path, family):
    model = built(FAMILIES[family])
    examples = photographs(tmp_path, keras_network(model).metadata.scale)
    tflite = quantize(merge_upsampling(fuse_branches(model)), TILE, examples, max_psnr_change=100).tflite
    network = open_network([write_tflite(tmp_path / "m.tflite", model, tflite, precision="int8")])
    for example in examples:
        wanted = np.clip(np.array(model(example.lr_01[None]))[0], 0, 1)
        assert np.abs(network.run(example.lr_01) - wanted).mean() < 0.02 < wanted.std()


# Two QUANTIZE; MUL, two CONCATENATION, CONV_2D, the body's CONV_2D (and ADD), CONV_2D, ADD with RELU6, MUL,
# DEPTH_TO_SPACE.
@pytest.mark.parametrize(("family", "integers"), [("phone", 8 + 1), ("phone_skips", 8 + 3)])
def test_xnnpack_takes_all_of_phones_integers_but_their_conversion_from_and_to_bytes(tmp_path, family, integers):
    model = built(FAMILIES[family])
    tflite = quantize(merge_upsampling(model), TILE, photographs(tmp_path, 3), max_psnr_change=100).tflite
    assert xnnpack_share(write_tflite(tmp_path / "m.tflite", model, tflite)) == pytest.approx(integers / (integers + 2))


def test_the_best_range_cuts_off_what_is_rare_and_far_out():
    values = np.random.default_rng(0).normal(0, 1, 20_000)
    low, high = best_range(values, -10.0, 20.0)
    assert (low, high) == (pytest.approx(high / -2), pytest.approx(20 * 0.4, abs=1.5))
    assert best_range(np.linspace(0, 1, 1000), 0.0, 1.0) == (0, pytest.approx(1, abs=0.03))
    assert best_range(np.zeros(5), 0.0, 0.0) == (0, 0)


def test_values_cut_off_count_more_than_values_rounded():
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(0, 1, 20_000), np.full(40, 12.0)]).astype(np.float32)
    assert best_range(values, -12.0, 12.0)[1] > 10  # a flat colour's channel, say, seen on one image of many


def test_operators_in_float_hand_their_values_on_unrounded(model, examples):
    """All but the first convolution in float: between them nothing is rounded, and their bytes lie 1/255 from Keras."""
    merged = merge_upsampling(model)
    groups = _groups(_calibrate(merged, TILE, examples[0].lr_01), merged, TILE)
    nodes = [node for group in groups.values() for node in group.nodes]
    calibrated = _calibrate(merged, TILE, examples[0].lr_01)
    tflite = _quantize(with_ranges(calibrated, best_ranges(calibrated, [e.lr_01 for e in examples])), nodes)
    interpreter = tf.lite.Interpreter(model_content=tflite)
    rounding = [node for node in compat.operators_of(interpreter) if "QUANTIZE" in node["op_name"]]
    assert len(rounding) <= 4  # of the input and the output
    for example, output in zip(examples, _run(tflite, [e.lr_01 for e in examples]), strict=True):
        wanted = np.clip(np.array(model(example.lr_01[None]))[0], 0, 1)
        assert np.abs(output - wanted).max() < 0.6 / 255


def test_what_int8_spoils_is_found_and_left_in_float(model, examples, quantized):
    said = []
    careful = quantize(merge_upsampling(model), TILE, examples, 0.001, said.append)
    assert careful.in_float
    assert all(name in said[-1] for name in careful.in_float)
    wanted = [np.clip(np.array(model(e.lr_01[None]))[0], 0, 1) for e in examples]

    def error(tflite):
        interpreter = tf.lite.Interpreter(model_content=tflite)
        interpreter.allocate_tensors()
        total = 0
        for example, output in zip(examples, wanted, strict=True):
            interpreter.set_tensor(interpreter.get_input_details()[0]["index"], to_uint8(example.lr_01)[None])
            interpreter.invoke()
            got = to_float(interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0])
            total += np.mean((got - output) ** 2)
        return total

    assert error(careful.tflite) < 0.7 * error(quantized.tflite)


def test_an_example_is_cut_and_mirrored_with_its_original(examples):
    example = examples[0]
    cut = example.cut(10, 7)
    assert (cut.lr_01.shape, cut.hr_01.shape) == ((10, 7, 3), (40, 28, 3))
    np.testing.assert_array_equal(cut.lr_01, example.lr_01[7:17, 8:15])
    np.testing.assert_array_equal(cut.hr_01, example.hr_01[28:68, 32:60])
    fitted = cut.fitted(12)
    np.testing.assert_array_equal(fitted.lr_01[:10, :7], cut.lr_01)
    np.testing.assert_array_equal(fitted.lr_01[10], fitted.lr_01[9])
    upscaled = np.ones((48, 48, 3), np.float32)
    upscaled[:40, :28] = np.clip(cut.hr_01 + np.float32(10 / 255), 0, 1)
    assert fitted.psnr(upscaled) == pytest.approx(cut.psnr(upscaled[:40, :28]))
