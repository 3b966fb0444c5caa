"""OpenVINO files: converted from a frozen graph, quantized by NNCF (`pip install '.[openvino]'`)."""

import contextlib
import io
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf

from esrgan_tf.errors import InputError
from esrgan_tf.formats.examples import Example
from esrgan_tf.formats.format import Artifact, WriteRequest
from esrgan_tf.formats.graphs import freeze, upscale_function
from esrgan_tf.formats.openvino_ir.runtime import has_bfloat16
from esrgan_tf.metadata import METADATA
from esrgan_tf.models.receptive_field import preferred_tiling

if TYPE_CHECKING:
    import openvino

RGB = 3  # channels of an image
# Of the largest maps in float32, of which OpenVINO holds three: RRDB-23 takes less than 2.5 GB in all. In bfloat16 they
# take half as much.
MAX_BYTES = 1408 * 2**20


def check_can_write(precision: str) -> None:
    """Raise unless the packages are there, and the CPU to verify on.

    Args:
        precision: "float32", "bfloat16" or "int8".

    Raises:
        InputError: OpenVINO or NNCF is not installed, or bfloat16 on a CPU without it.
    """
    try:
        import openvino  # noqa: F401 - is it there?

        if precision == "int8":
            import nncf  # noqa: F401
    except ImportError as error:
        raise InputError("`format=openvino` needs OpenVINO and NNCF: pip install 'esrgan_tf[openvino]'.") from error
    if precision == "bfloat16" and not has_bfloat16():
        raise InputError("`precision=bfloat16` must be exported on a CPU that has it (AVX512_BF16 or AMX).")


def write_openvino(request: WriteRequest) -> Artifact:
    """Write `<name>_<precision>.xml` and its `.bin`, float32 in and out, batch, height and width free.

    Raises:
        OSError: the system refuses to write.
    """
    import openvino

    precision = request.options.precision
    tiling = preferred_tiling(request.generators[0], MAX_BYTES * (2 if precision == "bfloat16" else 1))
    metadata = replace(request.metadata, precision=precision, preferred_tile=tiling.tile)
    path = request.folder / f"{metadata.name}_{precision}.xml"
    model = convert(request.deployed[0])
    if precision == "int8":
        model = quantize(model, request.calibration)
    model.set_rt_info(metadata.to_json(), METADATA)
    try:
        openvino.save_model(model, str(path), compress_to_fp16=False)
    except RuntimeError as error:  # such as a full disk
        raise OSError(f"`{path}` cannot be written: {str(error).strip().splitlines()[-1]}") from error
    return Artifact(path, metadata, parts=(path.with_suffix(".bin"),))


def convert(generator: keras.Model) -> "openvino.Model":
    """OpenVINO's model of a generator, its batch, height and width free."""
    import openvino

    frozen = freeze(upscale_function([generator]))
    with tf.Graph().as_default() as graph:  # one that holds nothing else, as OpenVINO takes it
        tf.import_graph_def(frozen.graph.as_graph_def(), name="")
    return _transposed_shuffles(openvino.convert_model(graph, share_weights=False))


def _transposed_shuffles(model: "openvino.Model") -> "openvino.Model":
    """The same model with each pixel shuffle that makes an image as a transposition, which leaves its channels first.

    OpenVINO's own shuffle leaves them last, and the image is then turned twice (benchmarks/NOTES.md).
    """
    from openvino import opset13 as ops

    for shuffle in model.get_ordered_ops():
        if shuffle.get_type_name() != "DepthToSpace" or shuffle.get_attributes()["mode"] != "blocks_first":
            continue
        x, factor = shuffle.input_value(0), shuffle.get_attributes()["block_size"]
        if x.get_partial_shape()[1] != RGB * factor**2:
            continue
        batch, _, height, width = ops.split(ops.shape_of(x), np.int64(0), 4).outputs()
        blocks = ops.reshape(x, ops.concat([batch, np.int64([factor, factor, RGB]), height, width], 0), False)
        image = ops.transpose(blocks, np.int64([0, 3, 4, 1, 5, 2]))
        sides = [ops.multiply(side, np.int64([factor])) for side in (height, width)]
        output = ops.reshape(image, ops.concat([batch, np.int64([RGB]), *sides], 0), False).output(0)
        for user in shuffle.output(0).get_target_inputs():
            user.replace_source_output(output)
    model.validate_nodes_and_infer_types()
    return model


def quantize(model: "openvino.Model", examples: Sequence[Example]) -> "openvino.Model":
    """Quantize a model: int8 inside, weights by channel, activations by the least and the greatest value seen.

    NNCF's own choice, means over the images, cuts off what few images have: quickstart's network loses 0.5 dB by it,
    and 0.1 dB by these.

    Args:
        model: in float32.
        examples: to calibrate on.
    """
    import nncf
    from nncf.quantization.advanced_parameters import AdvancedQuantizationParameters
    from nncf.quantization.range_estimator import RangeEstimatorParametersSet

    nncf.set_log_level(logging.ERROR)
    images = [example.lr_01[None] for example in examples]
    with contextlib.redirect_stdout(io.StringIO()):  # its progress bars
        return nncf.quantize(
            model,
            nncf.Dataset(images),
            subset_size=len(images),
            preset=nncf.QuantizationPreset.MIXED,  # activations that may be negative have a zero point
            advanced_parameters=AdvancedQuantizationParameters(
                activations_range_estimator_params=RangeEstimatorParametersSet.MINMAX
            ),
        )
