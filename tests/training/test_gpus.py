"""The notice that TensorFlow does not see a GPU: when it is printed, and what it advises."""

import subprocess
import sys
import textwrap

import pytest
import tensorflow as tf
from packaging.requirements import Requirement
from support.paths import ROOT

from esrgan_tf.training import gpus
from esrgan_tf.training.gpus import announce_unseen_gpu, nvidia_gpus, unseen_gpu_notice

INFORMATION = "Model: \t\t NVIDIA A10\nIRQ:   \t\t 44\nBus Type: \t PCIe\n"
DRIVER = {"proc/driver/nvidia/gpus/0000:01:00.0/information": INFORMATION}
DEVICES = {"dev/nvidia0": "", "dev/nvidiactl": "", "dev/nvidia-uvm": ""}
WSL = {"dev/dxg": "", "usr/lib/wsl/lib/nvidia-smi": ""}
PCI = {"sys/bus/pci/devices/0000:01:00.0/vendor": "0x10de\n", "sys/bus/pci/devices/0000:01:00.0/class": "0x030200\n"}
SOUND = {"sys/bus/pci/devices/0000:01:00.1/vendor": "0x10de\n", "sys/bus/pci/devices/0000:01:00.1/class": "0x040300\n"}
OTHER = {"sys/bus/pci/devices/0000:02:00.0/vendor": "0x1002\n", "sys/bus/pci/devices/0000:02:00.0/class": "0x030000\n"}
NO_GPU = {"dev/null": "", "dev/dxg": "", "dev/nvidiactl": "", **SOUND, **OTHER}


def machine(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({**DRIVER, **DEVICES, **PCI}, ["NVIDIA A10"]),
        ({**DEVICES, "dev/nvidia1": ""}, ["NVIDIA GPU"] * 2),
        (WSL, ["NVIDIA GPU"]),
        ({**PCI, **SOUND, **OTHER}, ["NVIDIA GPU"]),
        (NO_GPU, []),
        ({}, []),
    ],
    ids=["driver", "devices", "wsl", "pci", "none", "not_linux"],
)
def test_gpus_are_found_by_the_kernels_files(tmp_path, files, found):
    assert nvidia_gpus(machine(tmp_path, files)) == found


@pytest.mark.parametrize("files", [{**DRIVER, **DEVICES}, DEVICES, WSL], ids=["driver", "devices", "wsl"])
def test_a_gpu_that_tensorflow_does_not_see_is_announced_with_what_to_install(tmp_path, files):
    notice = unseen_gpu_notice("auto", 0, {}, machine(tmp_path, files))
    assert "TRAINING RUNS ON THE CPU" in notice
    assert "pip install '.[gpu]'" in notice
    assert f"tensorflow[and-cuda]=={tf.__version__}" in notice
    assert "driver is too old" in notice
    assert "\n" not in notice
    assert ("NVIDIA A10" in notice) == ("Model" in "".join(files.values()))


@pytest.mark.parametrize("files", [PCI, DRIVER], ids=["no_driver", "container"])
def test_a_gpu_that_no_program_can_reach_is_announced_with_driver_and_container(tmp_path, files):
    notice = unseen_gpu_notice("auto", 0, {}, machine(tmp_path, files))
    assert "install NVIDIA's driver" in notice
    assert "--gpus all" in notice
    assert "pip install" not in notice


@pytest.mark.parametrize(
    ("strategy", "seen", "environment", "silent"),
    [
        ("auto", 0, {"CUDA_VISIBLE_DEVICES": "0"}, False),
        ("mirrored:gpu:0", 0, {}, False),
        ("auto", 1, {}, True),
        ("cpu", 0, {}, True),
        ("mirrored:CPU:0", 0, {}, True),
        ("auto", 0, {"CUDA_VISIBLE_DEVICES": ""}, True),
        ("auto", 0, {"CUDA_VISIBLE_DEVICES": "-1"}, True),
    ],
)
def test_whoever_uses_the_gpu_or_chose_the_cpu_hears_nothing(tmp_path, strategy, seen, environment, silent):
    root = machine(tmp_path, {**DRIVER, **DEVICES})
    assert (unseen_gpu_notice(strategy, seen, environment, root) is None) == silent


def test_a_machine_without_a_gpu_hears_nothing(tmp_path):
    assert unseen_gpu_notice("auto", 0, {}, machine(tmp_path, NO_GPU)) is None


def test_it_is_announced_once(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(gpus, "unseen_gpu_notice", lambda *arguments: "*** no GPU ***")
    monkeypatch.setattr(gpus, "ANNOUNCED", set())
    announce_unseen_gpu("auto")
    announce_unseen_gpu("auto")
    assert capsys.readouterr().out == "*** no GPU ***\n"


def test_the_extra_gpu_asks_for_the_same_tensorflow_with_cuda():
    code = """
        import setuptools
        from distutils.core import run_setup
        print(*run_setup("setup.py", stop_after="init").extras_require["gpu"])
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, cwd=ROOT, check=True
    )
    (line,) = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if line.startswith("tensorflow>")]
    extra, plain = Requirement(done.stdout.strip()), Requirement(line)
    assert (extra.name, extra.extras, extra.specifier) == ("tensorflow", {"and-cuda"}, plain.specifier)
