"""An NVIDIA GPU that is in the machine and that TensorFlow does not see: training on the CPU unknowingly costs most."""

import os
from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf

from esrgan_tf.log import Log, print_line

NVIDIA = "0x10de"  # PCI vendor
DISPLAY_CONTROLLER = "0x03"  # PCI base class: VGA and 3D controllers
NONE_VISIBLE = ("", "-1")  # values of CUDA_VISIBLE_DEVICES with which a user hides every GPU
ANNOUNCED: set[str] = set()  # notices that this process has logged


def nvidia_gpus(root: Path = Path("/")) -> list[str]:
    """Lists the NVIDIA GPUs that the kernel knows, without TensorFlow or CUDA.

    Args:
        root: of the file system.

    Returns:
        A name for each: its model where the driver is loaded, "NVIDIA GPU" otherwise; empty outside Linux.
    """
    models = []
    for file in sorted((root / "proc/driver/nvidia/gpus").glob("*/information")):
        fields = dict(line.partition(":")[::2] for line in _text(file).splitlines())
        models.append(fields.get("Model", "").strip() or "NVIDIA GPU")
    return models or ["NVIDIA GPU"] * (len(_device_files(root)) or _on_pci(root))


def unseen_gpu_notice(strategy: str, seen: int, environment: Mapping[str, str], root: Path = Path("/")) -> str | None:
    """Words the notice that a GPU is not used, and what to install.

    Args:
        strategy: of `strategy`; whoever asks for the CPU gets no notice.
        seen: how many GPUs TensorFlow has found.
        environment: of the process; CUDA_VISIBLE_DEVICES that hides every GPU is the user's own choice.
        root: of the file system.

    Returns:
        The line, or None where there is nothing to say.
    """
    asked_for_cpu = strategy != "auto" and "GPU" not in strategy.upper()
    if seen or asked_for_cpu or environment.get("CUDA_VISIBLE_DEVICES", "0").strip() in NONE_VISIBLE:
        return None
    gpus = nvidia_gpus(root)
    if not gpus:
        return None
    remedy = (
        f"install CUDA's libraries (`pip install '.[gpu]'` or `pip install 'tensorflow[and-cuda]=={tf.__version__}'`); "
        "where they are, NVIDIA's driver is too old for them: update it"
        if _device_files(root)
        else "install NVIDIA's driver, or give the container the GPU (`docker run --gpus all`)"
    )
    return (
        f"*** TRAINING RUNS ON THE CPU: TensorFlow does not see this machine's {gpus[0]}. To use it, {remedy}. "
        "`strategy=cpu` silences this line. ***"
    )


def announce_unseen_gpu(strategy: str, log: Log = print_line) -> None:
    """Log the notice, once a process."""
    notice = unseen_gpu_notice(strategy, len(tf.config.list_physical_devices("GPU")), os.environ)
    if notice and notice not in ANNOUNCED:
        ANNOUNCED.add(notice)
        log(notice)


def _device_files(root: Path) -> list[Path]:
    """The files by which a program reaches the GPUs: one each, or the single one of Windows' Linux (WSL 2)."""
    on_wsl = [root / "dev/dxg"] if (root / "usr/lib/wsl/lib/nvidia-smi").exists() else []  # dxg alone: any maker's GPU
    return sorted((root / "dev").glob("nvidia[0-9]*")) + [path for path in on_wsl if path.exists()]


def _on_pci(root: Path) -> int:
    """How many GPUs of NVIDIA are on the PCI bus, whether or not a driver is installed."""
    devices = (root / "sys/bus/pci/devices").glob("*")
    return sum(
        _text(device / "vendor").strip() == NVIDIA and _text(device / "class").startswith(DISPLAY_CONTROLLER)
        for device in devices
    )


def _text(path: Path) -> str:
    """A file's text; nothing where it cannot be read."""
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return ""
