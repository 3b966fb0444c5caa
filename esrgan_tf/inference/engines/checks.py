"""Whether a compiled engine gives what Keras gives: a few crops of photographs, within seconds."""

from esrgan_tf.data.sample import sample_photographs
from esrgan_tf.export.parity import Run
from esrgan_tf.formats.deviation import MAX_PSNR_CHANGE, deviation
from esrgan_tf.formats.examples import Example
from esrgan_tf.formats.network import Network
from esrgan_tf.image.io import read_rgb, to_float
from esrgan_tf.image.resize import imresize_uint8
from esrgan_tf.metadata import GeneratorMetadata

CHECK_SIDE = 32  # px of LR: RRDB-23 upscales three of them in about a second
CALIBRATION_SIDE, CALIBRATION_CROPS = 64, 4  # px of LR; of each photograph
MAX_FLOAT_CHANGE = 0.05  # dB of Y-PSNR; in int8 as much as an export may


def check_images(metadata: GeneratorMetadata) -> list[Example]:
    """The middles of the sample's held-out photographs, 32 px of LR."""
    side = -(-CHECK_SIDE // metadata.lr_multiple) * metadata.lr_multiple
    return [_example(pair.name, pair.hr, metadata.scale).cut(side, side) for pair in sample_photographs()[1]]


def calibration_images(metadata: GeneratorMetadata) -> list[Example]:
    """Crops of the sample's other photographs, 64 px of LR, to quantize by."""
    side = -(-CALIBRATION_SIDE // metadata.lr_multiple) * metadata.lr_multiple
    examples = [_example(pair.name, pair.hr, metadata.scale) for pair in sample_photographs()[0]]
    return [crop for example in examples for crop in example.crops(side, CALIBRATION_CROPS)]


def refusal(network: Network, keras_run: Run, precision: str) -> str:
    """Why an engine may not be used; empty where it may.

    Args:
        network: the engine's.
        keras_run: the generator by Keras, float32 [h, w, 3] -> [scale * h, scale * w, 3].
        precision: of the engine: "float32", "bfloat16" or "int8".
    """
    examples = check_images(network.metadata)
    if network.metadata.tile:
        examples = [example.fitted(network.metadata.tile) for example in examples]
    got, wanted = ([run(example.lr_01) for example in examples] for run in (network.run, keras_run))
    limit = MAX_PSNR_CHANGE if precision == "int8" else MAX_FLOAT_CHANGE
    found = deviation(examples, got, wanted)
    if found.is_within(limit):
        return ""
    return f"it changes the PSNR by {found.psnr_change:+.3f} dB on {len(examples)} photographs; {limit:g} is allowed"


def _example(name: str, path, scale: int) -> Example:
    """An image file as HR, and its LR by MATLAB's bicubic."""
    hr = read_rgb(path)
    hr = hr[: hr.shape[0] // scale * scale, : hr.shape[1] // scale * scale]
    return Example(name, to_float(imresize_uint8(hr, 1 / scale)), to_float(hr), scale)
