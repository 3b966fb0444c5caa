"""LiteRT files on a phone's processor, emulated: deploy/mobile/README.md says how ARM64_ROOT is made."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from support.families import FAMILIES, TILE, built, metadata
from support.images import write_photo
from support.paths import ROOT as PROJECT

from esrgan_tf.export.examples import load_examples
from esrgan_tf.formats.tflite.converter import convert, with_metadata
from esrgan_tf.formats.tflite.quantization import quantize
from esrgan_tf.metadata import metadata_of
from esrgan_tf.models.fusion import merge_upsampling

QEMU, ROOT = shutil.which("qemu-aarch64"), os.environ.get("ARM64_ROOT")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (QEMU and ROOT), reason="no qemu-aarch64, or no Python for arm64 in $ARM64_ROOT"),
]


def upscale(interpreter, model, source, target):
    """`esrgan upscale` by an interpreter of Python, as a command line."""
    flags = [f"--model={model}", f"--input={source}", f"--output={target}"]
    environment = {**os.environ, "PYTHONPATH": f"{PROJECT}:{ROOT}/site" if interpreter[0] == QEMU else str(PROJECT)}
    subprocess.run([*interpreter, "-m", "esrgan_tf", "upscale", *flags], check=True, env=environment)
    return np.asarray(Image.open(target), int)


@pytest.mark.parametrize("kind, apart", [("int8", 0), ("float32", 1)])
def test_arm64_and_x86_give_the_same_image(tmp_path, kind, apart):
    for seed in range(10):
        write_photo(tmp_path / "photos" / f"{seed}.png", 200, 200, seed)
    model = built(FAMILIES["rrdb"])
    merged = merge_upsampling(model)
    if kind == "int8":
        calibration, _ = load_examples(str(tmp_path / "photos"), metadata_of(model), TILE)
        tflite = quantize(merged, TILE, calibration, max_psnr_change=10).tflite
    else:
        tflite = convert(merged, TILE, kind)
    path = tmp_path / "m.tflite"
    path.write_bytes(with_metadata(tflite, replace(metadata(model), tile=TILE, overlap=6)))
    write_photo(tmp_path / "a.png", 40, 50, seed=20)
    python = f"{ROOT}/usr/bin/python3.13"
    emulated = upscale([QEMU, "-L", ROOT, python], path, tmp_path / "a.png", tmp_path / "arm64.png")
    here = upscale([sys.executable], path, tmp_path / "a.png", tmp_path / "x86.png")
    assert emulated.shape == (160, 200, 3)
    assert np.abs(emulated - here).max() <= apart
