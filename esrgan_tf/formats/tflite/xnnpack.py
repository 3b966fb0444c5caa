"""How much of a LiteRT file runs in XNNPACK, its fast engine for CPUs."""

from pathlib import Path

from esrgan_tf import compat
from esrgan_tf.formats.tflite.runtime import open_interpreter

DELEGATE = "DELEGATE"


def xnnpack_share(path: str | Path) -> float:
    """Share of a file's operators that XNNPACK takes, 0 to 1.

    Found by walking back from the output: a node that XNNPACK took over is reached no more, since the delegate's
    node makes its tensors.

    Raises:
        InputError: as `open_interpreter`.
    """
    interpreter = open_interpreter(path)
    nodes = compat.operators_of(interpreter)
    made_by = {}
    for node in sorted(nodes, key=lambda node: node["op_name"] == DELEGATE):  # delegates last: theirs is what counts
        made_by.update(dict.fromkeys(map(int, node["outputs"]), node))
    left, reached = [int(details["index"]) for details in interpreter.get_output_details()], set()
    while left:
        node = made_by.get(left.pop())
        if node is not None and node["index"] not in reached:
            reached.add(node["index"])
            left.extend(map(int, node["inputs"]))
    original = [node for node in nodes if node["op_name"] != DELEGATE]
    return 1 - sum(node["index"] in reached for node in original) / len(original)
