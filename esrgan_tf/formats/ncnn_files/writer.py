"""ncnn's files: layers as lines of text, weights one after the other."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from esrgan_tf.formats.format import Artifact, WriteRequest
from esrgan_tf.formats.ncnn_files.runtime import DESCRIPTION, DIGEST, INPUT, OUTPUT
from esrgan_tf.formats.ncnn_files.translation import NcnnLayer, Parameter, translate
from esrgan_tf.models.receptive_field import preferred_tiling

# Of ncnn at its peak, by measurement: RRDB-23 then takes 2.2 GiB in all.
MAX_BYTES, HELD_MAPS = 2 * 2**30, 13
MAGIC = 7767517
ARRAY = -23300  # minus its number is the key of a parameter that is an array
TAGS = {"float32": 0, "float16": 0x01306B47}  # before a kernel


def write_ncnn(request: WriteRequest) -> Artifact:
    """Write `<name>_<precision>.ncnn.param` and its `.bin`; height and width are free, the batch is one.

    The maps are named as upscayl and Real-ESRGAN-ncnn-vulkan expect: RGB in 0..1, "data" to "output". The metadata
    and the weights' digest are the last lines, after what ncnn reads.

    Raises:
        OSError: the system refuses to write.
    """
    precision = request.options.precision
    tiling = preferred_tiling(request.generators[0], MAX_BYTES, HELD_MAPS)
    metadata = replace(request.metadata, precision=precision, preferred_tile=tiling.tile)
    path = request.folder / f"{metadata.name}_{precision}.ncnn.param"
    layers = translate(request.deployed[0])
    weights = b"".join(_weights(layer, precision) for layer in layers)
    description = DESCRIPTION + " ".join(metadata.to_json().split("\n"))
    digest = DIGEST + hashlib.sha256(weights).hexdigest()
    path.write_text("\n".join([*_text(layers), description, digest, ""]))
    path.with_suffix(".bin").write_bytes(weights)
    return Artifact(path, metadata, parts=(path.with_suffix(".bin"),))


def _text(layers: Sequence[NcnnLayer]) -> list[str]:
    """The lines of a `.param` file. A map that several layers take is split into one for each."""
    takers = Counter(number for layer in layers for number in layer.inputs)
    names = {layer.output: str(layer.output) for layer in layers}
    names |= {layers[0].output: INPUT, layers[-1].output: OUTPUT}
    waiting: dict[int, list[str]] = {}
    lines = []
    for layer in layers:
        inputs, name = [waiting[number].pop() for number in layer.inputs], names[layer.output]
        parameters = [_parameter(*pair) for pair in layer.parameters.items()]
        lines.append(_line(layer.kind, layer.name, inputs, [name], parameters))
        count = takers[layer.output]
        waiting[layer.output] = [name] if count < 2 else [f"{name}_{copy}" for copy in range(count)]
        if count > 1:
            lines.append(_line("Split", f"split_{name}", [name], waiting[layer.output], []))
    maps = sum(int(line.split()[3]) for line in lines)
    return [str(MAGIC), f"{len(lines)} {maps}", *lines]


def _line(kind: str, name: str, inputs: list[str], outputs: list[str], parameters: list[str]) -> str:
    return " ".join([kind, name, str(len(inputs)), str(len(outputs)), *inputs, *outputs, *parameters])


def _parameter(number: int, value: Parameter) -> str:
    """A whole number, a fraction (written with its point, by which ncnn tells them apart), or several."""
    if isinstance(value, int | float):
        return f"{number}={value!r}"
    return f"{ARRAY - number}={','.join([str(len(value)), *map(repr, value)])}"


def _weights(layer: NcnnLayer, precision: str) -> bytes:
    """A layer's part of the `.bin` file: only kernels are kept in half precision."""
    vectors = b"".join(vector.astype("<f4").tobytes() for vector in layer.vectors)
    if layer.kernel is None:
        return vectors
    kernel = layer.kernel.astype("<f2" if precision == "float16" else "<f4").tobytes()
    tag = np.array(TAGS[precision], "<u4").tobytes()
    return tag + kernel + bytes(-len(kernel) % 4) + vectors
