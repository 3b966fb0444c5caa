"""The precision that `--precision` means, by what the hardware says of itself."""

from types import SimpleNamespace

import pytest
import tensorflow as tf

from esrgan_tf import cpu as machine
from esrgan_tf.errors import InputError
from esrgan_tf.training.distribution import make_strategy, resolve_precision


@pytest.fixture
def cpu(tmp_path, monkeypatch):
    """A processor that the kernel describes with these words, on this system."""

    def described(text, system="Linux"):
        (tmp_path / "cpuinfo").write_text(text)
        monkeypatch.setattr(machine, "DESCRIPTION", tmp_path / "cpuinfo")
        monkeypatch.setattr(machine.platform, "system", lambda: system)
        machine.cpu_flags.cache_clear()

    yield described
    machine.cpu_flags.cache_clear()


@pytest.mark.parametrize(
    ("text", "system", "precision"),
    [
        ("processor\t: 0\nflags\t\t: fpu avx2 avx512f avx512_bf16\n", "Linux", "mixed_bfloat16"),
        ("processor\t: 0\nflags\t\t: fpu avx2 amx_tile amx_bf16\nbugs\t: none\n", "Linux", "mixed_bfloat16"),
        ("processor\t: 0\nFeatures\t: fp asimd bf16 i8mm\n", "Linux", "mixed_bfloat16"),
        ("processor\t: 0\nmodel name\t: of bf16\nflags\t\t: fpu avx2 avx512f\n", "Linux", "float32"),
        ("processor\t: 0\nFeatures\t: fp asimd\n", "Linux", "float32"),
        ("", "Linux", "float32"),
        ("flags: avx512_bf16", "Darwin", "float32"),
    ],
)
def test_precision_auto_on_a_cpu_is_bfloat16_only_where_it_has_instructions_for_it(cpu, text, system, precision):
    cpu(text, system)
    assert resolve_precision("auto", make_strategy("cpu")) == precision


def test_precision_auto_on_a_cpu_whose_description_is_missing_is_float32(cpu, monkeypatch, tmp_path):
    cpu("flags: avx512_bf16")
    monkeypatch.setattr(machine, "DESCRIPTION", tmp_path / "nowhere")
    assert resolve_precision("auto", make_strategy("cpu")) == "float32"


@pytest.mark.parametrize(
    ("capabilities", "precision"),
    [
        ([(8, 0)], "mixed_bfloat16"),
        ([(9, 0), (8, 6)], "mixed_bfloat16"),
        ([(7, 5)], "float32"),
        ([(9, 0), (7, 5)], "float32"),
        ([None], "float32"),
    ],
)
def test_precision_auto_on_gpus_is_bfloat16_where_all_are_ampere_or_newer(cpu, monkeypatch, capabilities, precision):
    cpu("flags: fpu" if precision == "mixed_bfloat16" else "flags: avx512_bf16")  # the CPU does not matter
    details = [{"compute_capability": c} if c else {} for c in capabilities]
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: range(len(details)))
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: details[gpu])
    devices = tuple(f"/job:localhost/replica:0/task:0/device:GPU:{index}" for index in range(len(details)))
    strategy = SimpleNamespace(extended=SimpleNamespace(worker_devices=devices))
    assert resolve_precision("auto", strategy) == precision


def test_a_precision_asked_for_is_given_whatever_the_hardware(cpu):
    cpu("flags: fpu")
    strategy = make_strategy("cpu")
    for name in ("float32", "mixed_bfloat16", "mixed_float16"):
        assert resolve_precision(name, strategy) == name
    with pytest.raises(InputError, match="precision.*Received: int8"):
        resolve_precision("int8", strategy)
