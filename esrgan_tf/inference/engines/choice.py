"""The engines that there are, and which of them is taken."""

from dataclasses import dataclass
from importlib.util import find_spec

from esrgan_tf.cpu import has_avx512, has_bfloat16
from esrgan_tf.errors import InputError, check_one_of

AUTO, KERAS, LITERT = "auto", "keras", "litert"
PRECISIONS = (AUTO, "float32", "bfloat16", "int8")


@dataclass(frozen=True)
class Engine:
    """A way to run a generator.

    Args:
        title: for people.
        format: that it is compiled to; empty where nothing is compiled.
        precisions: that it computes in, fastest first, but for int8, which is only taken when it is asked for.
        packages: that it takes beside this package's own.
        layer_seconds: that writing, opening and verifying a network takes for each of its layers, roughly
            (`benchmarks/verification.py`); `auto` weighs it.
    """

    title: str
    format: str
    precisions: tuple[str, ...]
    packages: tuple[str, ...] = ()
    layer_seconds: float = 0.0

    def is_installed(self) -> bool:
        """Whether its packages are there; none is imported."""
        return all(map(find_spec, self.packages))


ENGINES = {
    "openvino": Engine("OpenVINO", "openvino", ("bfloat16", "float32", "int8"), ("openvino", "nncf"), 0.07),
    "ncnn": Engine("ncnn", "ncnn", ("float32",), ("ncnn",), 0.03),
    "saved_model": Engine("SavedModel", "saved_model", ("bfloat16", "float32"), ("tensorflow",), 0.14),
    "onnx": Engine("ONNX Runtime", "onnx", ("float32",), ("onnxruntime", "tf2onnx"), 0.14),
    LITERT: Engine("LiteRT", "tflite", ("float32", "int8"), ("ai_edge_litert",)),
    KERAS: Engine("Keras", "", ("float32",), ("tensorflow",)),
}
NAMES = (AUTO, *ENGINES)


def choose(engine: str = AUTO, precision: str = AUTO) -> tuple[str, str]:
    """The engine and the precision that are taken.

    Args:
        engine: one of `NAMES`; "auto" is the fastest that is installed.
        precision: one of `PRECISIONS`; "auto" is bfloat16 where CPU and engine compute in it, else float32.

    Raises:
        InputError: no such engine or precision, or not both together on this CPU.
    """
    check_one_of("engine", engine, NAMES)
    check_one_of("precision", precision, PRECISIONS)
    if engine == AUTO:
        candidates = [(name, kind) for name, kind in _fastest() if ENGINES[name].is_installed()]
    else:
        candidates = [(engine, kind) for kind in ENGINES[engine].precisions]
    for name, kind in candidates:
        wanted = kind != "int8" if precision == AUTO else kind == precision
        if wanted and (kind != "bfloat16" or has_bfloat16()):
            return name, kind
    raise InputError(
        f"`engine` and `precision` must go together on this CPU. Received: {engine}, {precision}. bfloat16 takes "
        "a CPU with AVX512_BF16 or AMX, and openvino or saved_model; int8 takes openvino or litert."
    )


def _fastest() -> list[tuple[str, str]]:
    """What `auto` tries in turn, by the measurements in docs/performance.md."""
    # The multiplications that ncnn saves by Winograd's convolutions are worth less where AVX512 makes them fast.
    in_float32 = ("openvino", "ncnn") if has_avx512() else ("ncnn", "openvino")
    return [
        ("openvino", "bfloat16"),
        ("saved_model", "bfloat16"),
        *((name, "float32") for name in (*in_float32, "onnx", KERAS)),
        ("openvino", "int8"),
        (LITERT, "int8"),
    ]
