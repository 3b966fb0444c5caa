"""Engines to time, this project's and others': each opens one network in a process of its own.

`ENGINES` maps a name to a function (config, folder) -> run, where run takes float32 [side, side, 3] in 0..1; it raises
ImportError where the engine is not installed, and InputError where the CPU lacks what it needs.
"""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from esrgan_tf.errors import InputError
from esrgan_tf.recipes.generators import GeneratorConfig, RRDBConfig, SRVGGConfig

NETWORKS: dict[str, GeneratorConfig] = {
    "srvgg16": SRVGGConfig(convs=16),
    "rrdb16": RRDBConfig(blocks=16),
    "rrdb23": RRDBConfig(),
}
Run = Callable[[np.ndarray], object]


def multiply_accumulates(config: GeneratorConfig) -> float:
    """Of a network's convolutions, for each pixel of the input."""
    import keras

    from esrgan_tf.models import build_generator

    side = 16
    model = keras.models.clone_model(build_generator(config, "network"), input_tensors=keras.Input((side, side, 3)))
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    return sum(np.prod(c.kernel.shape) * np.prod(c.output.shape[1:3]) for c in convolutions) / side**2


def _keras(config: GeneratorConfig, folder: Path) -> Run:
    from esrgan_tf.formats.keras_file.runtime import keras_network
    from esrgan_tf.models import build_generator

    return keras_network(build_generator(config, "network")).run


def _litert(config: GeneratorConfig, folder: Path, kind: str) -> Run:
    """LiteRT files, one for each size, written when an image of it comes first."""
    opened: dict[int, Run] = {}

    def run(rgb_01: np.ndarray) -> object:
        side = len(rgb_01)
        if side not in opened:
            opened[side] = _exported(config, folder, "tflite", kinds=(kind,), tiles=(side,))
        return opened[side](rgb_01)

    return run


def _exported(config: GeneratorConfig, folder: Path, format: str, **options) -> Run:
    """By one of this project's formats, written for the occasion."""
    from esrgan_tf.export.examples import load_examples
    from esrgan_tf.formats.format import WriteOptions, WriteRequest
    from esrgan_tf.formats.registry import FORMATS, open_network
    from esrgan_tf.metadata import metadata_of
    from esrgan_tf.models import build_generator, deployed_form

    model, options = build_generator(config, "network"), WriteOptions(**options)
    calibration, held_out = load_examples("sample", metadata_of(model), 64)
    request = WriteRequest(
        [model], [deployed_form(model)], metadata_of(model), options, folder, folder, calibration, held_out
    )
    if FORMATS[format].check:
        FORMATS[format].check(request)
    (artifact,) = FORMATS[format].write(request)
    return open_network([artifact.path]).run


def _torch(config: GeneratorConfig, folder: Path, dtype: str = "float32", compiled: bool = False) -> Run:
    """PyTorch, channels last."""
    import torch
    from torch_networks import torch_network

    network = torch_network(config).to(memory_format=torch.channels_last, dtype=getattr(torch, dtype))
    network = torch.compile(network) if compiled else network

    def run(rgb_01: np.ndarray) -> torch.Tensor:
        image = torch.from_numpy(rgb_01.transpose(2, 0, 1)[None]).to(getattr(torch, dtype))
        with torch.no_grad():
            return network(image.contiguous(memory_format=torch.channels_last)).float()

    return run


def _peer_openvino(config: GeneratorConfig, folder: Path, hint: str) -> Run:
    """OpenVINO as it is used with PyTorch's networks, without this package."""
    import openvino
    from torch import rand
    from torch_networks import torch_network

    core = openvino.Core()
    model = openvino.convert_model(torch_network(config), example_input=rand(1, 3, 64, 64))
    request = core.compile_model(
        model, "CPU", {"INFERENCE_PRECISION_HINT": hint, "PERFORMANCE_HINT": "LATENCY"}
    ).create_infer_request()
    return lambda rgb_01: request.infer([rgb_01.transpose(2, 0, 1)[None]])


def _peer_onnx(config: GeneratorConfig, folder: Path) -> Run:
    """ONNX Runtime with PyTorch's own export."""
    import onnxruntime
    import torch
    from torch_networks import torch_network

    path, sides = folder / "network.onnx", {2: "height", 3: "width"}
    torch.onnx.export(
        torch_network(config), (torch.rand(1, 3, 64, 64),), path, dynamic_shapes=(sides,), dynamo=True, verbose=False
    )
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (source,) = session.get_inputs()
    return lambda rgb_01: session.run(None, {source.name: rgb_01.transpose(2, 0, 1)[None]})


def _peer_ncnn(config: GeneratorConfig, folder: Path, bfloat16: bool = False) -> Run:
    """ncnn, the engine of upscayl, on the CPU: PyTorch's network by way of pnnx."""
    import ncnn
    import pnnx
    import torch
    from torch_networks import torch_network

    network, path = torch_network(config), folder / "network.pt"
    shapes = [(torch.rand(1, 3, side, side),) for side in (64, 96)]  # two: sizes stay free
    pnnx.export(network, str(path), *shapes)
    if not path.with_suffix(".ncnn.param").exists():
        raise InputError("pnnx cannot convert the network for ncnn")
    net = ncnn.Net()
    net.opt.num_threads, net.opt.use_bf16_storage = len(os.sched_getaffinity(0)), bfloat16
    net.load_param(str(path.with_suffix(".ncnn.param")))
    net.load_model(str(path.with_suffix(".ncnn.bin")))

    def run(rgb_01: np.ndarray) -> np.ndarray:
        image = np.ascontiguousarray(rgb_01.transpose(2, 0, 1))  # ncnn reads it when the output is asked for
        extractor = net.create_extractor()
        extractor.input("in0", ncnn.Mat(image))
        return np.array(extractor.extract("out0")[1])

    return run


ENGINES: dict[str, Callable[[GeneratorConfig, Path], Run]] = {
    "keras": _keras,
    "saved_model": partial(_exported, format="saved_model"),
    "saved_model bfloat16": partial(_exported, format="saved_model", precision="bfloat16"),
    "litert": partial(_litert, kind="float32"),
    "litert dynamic": partial(_litert, kind="dynamic"),
    "onnx": partial(_exported, format="onnx"),
    "ncnn": partial(_exported, format="ncnn"),
    "openvino": partial(_exported, format="openvino"),
    "openvino bfloat16": partial(_exported, format="openvino", precision="bfloat16"),
    "openvino int8": partial(_exported, format="openvino", precision="int8"),
    "peer: torch": _torch,
    "peer: torch bfloat16": partial(_torch, dtype="bfloat16"),
    "peer: torch compiled": partial(_torch, compiled=True),
    "peer: openvino": partial(_peer_openvino, hint="f32"),
    "peer: openvino bfloat16": partial(_peer_openvino, hint="bf16"),
    "peer: onnx runtime": _peer_onnx,
    "peer: ncnn": _peer_ncnn,
    "peer: ncnn bfloat16": partial(_peer_ncnn, bfloat16=True),
}
