"""Seconds from the shell: help, one small image by an exported file and by a cached engine, the first training step.

    python benchmarks/startup.py [--rounds=5] [--output=startup.json] [--before=FILE]

Every line is a process of its own, by turns; medians. Beside them, what only importing TensorFlow or PyTorch takes
(`pip install torch==2.13.0`). An SRVGG with 16 convolutions and random weights upscales 128 x 128 px; cached OpenVINO
takes the extra `openvino`. The first step is that of `quickstart`'s psnr stage on the sample. Prints a Markdown table.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from engines import NETWORKS
from PIL import Image

ESRGAN = [sys.executable, "-m", "esrgan_tf"]
SIDE = 128  # px
TARGETS = {"help": 0.3, "upscale by LiteRT": 1.5, "upscale by cached OpenVINO": 1.5, "first training step": 20.0}


def main() -> None:
    """Time every command by turns."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--before", type=Path)
    arguments = parser.parse_args()
    before = json.loads(arguments.before.read_text()) if arguments.before else {}
    with tempfile.TemporaryDirectory() as place:
        os.environ.update(XDG_CACHE_HOME=place, TF_CPP_MIN_LOG_LEVEL="3")
        commands = _commands(Path(place))
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        for number in range(arguments.rounds):
            for name, command in commands.items():
                workdir = f"--workdir={place}/run{number}"
                seconds[name].append(_until(command + [workdir] * (name == "first training step"), name))
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    print("| from the shell | seconds | target | of before |\n|---|---|---|---|")
    for name, median in medians.items():
        ratio = f"{median / before[name]:.2f}" if name in before else ""
        print(f"| {name} | {median:.2f} | {TARGETS.get(name, '')} | {ratio} |")
    if arguments.output:
        arguments.output.write_text(json.dumps(medians, indent=2))


def _commands(place: Path) -> dict[str, list[str]]:
    """Name -> command line, what they need written beforehand."""
    from esrgan_tf.formats.keras_file.generators import save_generator
    from esrgan_tf.models import build_generator

    image, model = place / "image.png", place / "srvgg16.keras"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)).save(image)
    save_generator(build_generator(NETWORKS["srvgg16"], "srvgg16"), model)
    upscale = [*ESRGAN, "upscale", f"--input={image}", f"--output={place}/upscaled.png"]
    export = [
        "export",
        f"--model={model}",
        f"--output={place}",
        "--format=tflite",
        "--tflite=float32",
        f"--tile={SIDE}",
    ]
    subprocess.run([*ESRGAN, *export], check=True, stdout=subprocess.DEVNULL)
    (tflite,) = place.glob("*.tflite")
    commands = {
        "help": [*ESRGAN, "--help"],
        "upscale by LiteRT": [*upscale, f"--model={tflite}"],
        "upscale by Keras": [*upscale, f"--model={model}", "--engine=keras"],
    }
    if find_spec("openvino"):
        cached = [*upscale, f"--model={model}", "--engine=openvino"]
        subprocess.run(cached, check=True, stdout=subprocess.DEVNULL)
        commands["upscale by cached OpenVINO"] = cached
    step = ["train", "--stage=psnr", "--recipe=quickstart", "--data=sample", "--set=psnr.steps=1"]
    commands["first training step"] = [*ESRGAN, *step]
    for package in filter(find_spec, ("tensorflow", "torch")):
        commands[f"import {package}"] = [sys.executable, "-c", f"import {package}"]
    return commands


def _until(command: list[str], name: str) -> float:
    """Seconds until a command ends, or of training, until its first step is reported."""
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if name == "first training step" and line.startswith("step 1/"):
                seconds = time.perf_counter() - start
                process.kill()
                return seconds
        errors = process.stderr.read()
    if process.returncode:
        sys.exit(f"{name}: {errors}")
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
