"""What the tests of bulk work share: the command in a process of its own, and what must hold when it has ended."""

import csv
import hashlib
import subprocess
import sys
import time
from pathlib import Path

from PIL import Image

from esrgan_tf.bulk.manifest import MANIFEST, ROWS, read_manifest
from esrgan_tf.formats.network import Network
from esrgan_tf.inference.upscaler import Upscaler
from esrgan_tf.metadata import GeneratorMetadata
from support.images import write_noise
from support.paths import ROOT

MODEL = ["--model=phone_x4", "--engine=litert"]  # the smallest that is there, and nothing to compile


def doubling(run=lambda lr_01: lr_01.repeat(2, 0).repeat(2, 1), concurrency=1):
    """An upscaler by two that repeats pixels."""
    return Upscaler(Network(GeneratorMetadata.named("nearest", 2), run, concurrency=concurrency))


def write_images(folder, count, side=12):
    """Images in subfolders; returns their paths."""
    paths = [folder / f"{number % 3}" / f"{number}.png" for number in range(count)]
    for number, path in enumerate(paths):
        write_noise(path, side, side, number)
    return paths


def start(source, output, *flags):
    """`esrgan bulk` in a process of its own."""
    command = [sys.executable, "-m", "esrgan_tf", "bulk", source, f"--output={output}", *MODEL, *flags]
    return subprocess.Popen(
        list(map(str, command)), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def finish(process, seconds=240):
    """(exit status, what it has printed)."""
    text, _ = process.communicate(timeout=seconds)
    return process.returncode, text


def wait_for_rows(process, output, count, seconds=120):
    """Until the manifest has so many rows, or the process has ended."""
    end = time.monotonic() + seconds
    while process.poll() is None and len(rows(output)) < count:
        assert time.monotonic() < end, "no progress"
        time.sleep(0.02)


def rows(output: Path) -> list[list[str]]:
    """Every row of every shard, torn ones and repeated ones included."""
    found = []
    for path in sorted((output / MANIFEST).glob(f"*/{ROWS}")):
        with path.open(newline="", errors="surrogateescape") as file:
            found += list(csv.reader(file))[1:]
    return found


def made(output: Path) -> dict[str, int]:
    """The inode of each output that has a row: another one after it was written again."""
    merged = read_manifest(output).values()
    return {row.target: (output / row.target).stat().st_ino for row in merged if not row.error}


def assert_whole(source: Path, output: Path, scale: int):
    """Each image has one row and one whole output, and nothing else is there."""
    images = {path for path in source.rglob("*") if path.is_file()}
    merged = read_manifest(output)
    assert set(merged) == set(map(str, images))
    assert len(rows(output)) == len(images)
    targets = set()
    for row in merged.values():
        target = output / row.target
        data = target.read_bytes()
        assert (row.error, row.bytes, row.sha256) == ("", len(data), hashlib.sha256(data).hexdigest())
        with Image.open(target) as image:
            image.load()
            assert image.size == (row.output_width, row.output_height) == (scale * row.width, scale * row.height)
        targets.add(target)
    assert {path for path in output.rglob("*") if path.is_file() and MANIFEST not in path.parts} == targets
    assert {path.name for path in (output / MANIFEST).rglob("*") if path.is_file()} == {ROWS, "settings.json"}
