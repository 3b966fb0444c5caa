"""Generators run by OpenVINO on the CPU (`pip install '.[openvino]'`)."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import numpy as np

from esrgan_tf.errors import InputError, first_line
from esrgan_tf.formats.network import Network
from esrgan_tf.metadata import METADATA, GeneratorMetadata

if TYPE_CHECKING:
    import openvino

DEVICE = "CPU"
HINTS = {"float32": "f32", "bfloat16": "bf16", "int8": "f32"}  # by precision; of int8, for what is not quantized


def openvino_network(path: str | Path) -> Network:
    """An `.xml` file written by `esrgan export` as a network.

    One in bfloat16 computes in float32 on a CPU that has no bfloat16.

    Raises:
        InputError: the file or its `.bin` is not there or damaged, has no metadata, or OpenVINO is not installed.
    """
    metadata = read_metadata(path)
    try:
        shared = core()
    except ImportError as error:
        raise InputError(f"`{path}` needs OpenVINO: pip install 'esrgan_tf[openvino]'.") from error
    hint = HINTS.get(metadata.precision, "f32") if has_bfloat16() else "f32"
    if metadata.precision == "bfloat16" and hint == "f32":
        metadata = replace(metadata, preferred_tile=None)  # it was chosen for maps of half the size
    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": hint}
    try:
        model = _channels_first(shared.read_model(str(path)))
        request = shared.compile_model(model, DEVICE, settings).create_infer_request()
    except RuntimeError as error:
        raise InputError(f"`{path}` cannot be loaded by OpenVINO: {_reason(error)}") from error

    def run(rgb_01: np.ndarray) -> np.ndarray:
        try:
            return request.infer([np.ascontiguousarray(rgb_01[None])])[0][0].transpose(1, 2, 0)
        except RuntimeError as error:
            if "alloc" in str(error):
                raise MemoryError from error
            raise InputError(f"`{path}` cannot be run by OpenVINO: {_reason(error)}") from error

    return Network(metadata, run, str(path))


def read_metadata(path: str | Path) -> GeneratorMetadata:
    """The metadata of an `.xml` file, read without OpenVINO.

    Raises:
        InputError: it cannot be read, or has none.
    """
    try:
        entry = ElementTree.parse(path).find(f"rt_info/{METADATA}")
    except OSError as error:
        raise InputError(f"`{path}` cannot be read: {error.strerror}.") from error
    except ElementTree.ParseError as error:
        raise InputError(f"`{path}` must be a whole .xml file of OpenVINO: {first_line(error)}.") from error
    return GeneratorMetadata.from_json("" if entry is None else entry.get("value", ""), str(path))


@cache
def core() -> "openvino.Core":
    """OpenVINO's core, one for the process.

    Each one's CPU plugin brings a stack for signals and frees it with itself. Of several that are not freed in the
    opposite order the process keeps one that is freed: the next Ctrl-C then ends it by a segmentation fault.

    Raises:
        ImportError: OpenVINO is not installed.
    """
    import openvino

    return openvino.Core()


def has_bfloat16() -> bool:
    """Whether OpenVINO computes in bfloat16 on this CPU."""
    return "BF16" in core().get_property(DEVICE, "OPTIMIZATION_CAPABILITIES")


def _channels_first(model: "openvino.Model") -> "openvino.Model":
    """The same model with an output [batch, 3, height, width], as the convolutions give it: it need not be turned."""
    from openvino import Layout
    from openvino.preprocess import PrePostProcessor

    processor = PrePostProcessor(model)
    processor.output().model().set_layout(Layout("NHWC"))
    processor.output().tensor().set_layout(Layout("NCHW"))
    return processor.build()


def _reason(error: RuntimeError) -> str:
    """The last line of its message: those before it name OpenVINO's own source files."""
    return str(error).strip().splitlines()[-1]
