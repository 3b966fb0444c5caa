"""Every example of docs/extending.md does what it says: its files are written, its commands run in turn."""

import os
import re
import shlex
import subprocess
import sys

import pytest
from support.images import write_photo
from support.paths import ROOT

SECTIONS = re.split(r"(?m)^## ", (ROOT / "docs" / "extending.md").read_text())[1:]
LONGEST = 30  # lines of an example
# What makes a training of the documented line short.
SHORT = [
    *("--steps=2", "--batch_size=2", "--hr_patch=32", "--validate_every=2", "--log_every=1"),
    *("--set=data.dead_leaves_pictures=4", "--set=data.dead_leaves_size=32"),
    *("--set=data.validation_crop=32", "--set=data.crops_per_picture=1"),
]


def blocks(section, language):
    return re.findall(rf"```{language}\n(.*?)```", section, re.S)


@pytest.mark.slow  # a dozen processes, each of which imports TensorFlow
@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.split("\n")[0])
def test_an_example_runs(section, tmp_path):
    write_photo(tmp_path / "photo.png", 16, 20)
    for seed in range(3):
        write_photo(tmp_path / f"albums/summer/{seed}.png", 64, 64, seed)
    for text in blocks(section, "python"):
        assert len(text.splitlines()) <= LONGEST
        name = re.match(r"# (\w+\.py)\n", text)[1]
        (tmp_path / name).write_text(text)
    commands = [line for text in blocks(section, "bash") for line in text.splitlines()]
    assert commands
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for command in commands:
        program, *arguments = shlex.split(command)
        if arguments[0] == "train":
            arguments += SHORT
        program = ["-m", "esrgan_tf"] if program == "esrgan" else []
        done = subprocess.run(
            [sys.executable, *program, *arguments], cwd=tmp_path, capture_output=True, text=True, env=environment
        )
        assert done.returncode == 0, done.stderr[-2000:]
