"""Work directories that are moved or copied resume exactly, and leave the original alone."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from support.tiny import LEAN, LEAN_DISCRIMINATOR
from support.training import InterruptAt

from esrgan_tf.formats.keras_file.generators import load_generator
from esrgan_tf.training.interrupts import Interrupted
from esrgan_tf.training.run import RunOptions, train_stage

STOP = 4
RECIPE = replace(LEAN, discriminator=LEAN_DISCRIMINATOR)


def train(workdir, stage, callbacks=()):
    options = RunOptions(workdir=str(workdir), data="dead_leaves", precision="float32")
    return train_stage(RECIPE, stage, options, callbacks, log=lambda line: None)


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def left_by(folder):
    return (folder / "metrics.csv").read_bytes(), load_generator(folder / "generator_last.keras").get_weights()


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["psnr", "gan"])
def test_a_copy_resumes_exactly_and_so_does_the_original_when_it_is_moved(tmp_path, stage):
    whole, first, copy, moved = (tmp_path / name for name in ("whole", "first", "deep/copy", "moved"))
    if stage == "gan":
        train(whole, "psnr")
        shutil.copytree(whole, first)
    with pytest.raises(Interrupted):
        train(first, stage, [InterruptAt(STOP)])
    train(whole, stage)
    before = contents(first)
    shutil.copytree(first, copy)
    train(copy, stage)
    assert contents(first) == before
    shutil.move(first, moved)
    train(moved, stage)
    rows, weights = left_by(whole / stage)
    for resumed in (copy, moved):
        assert left_by(resumed / stage)[0] == rows
        for one, other in zip(left_by(resumed / stage)[1], weights, strict=True):
            np.testing.assert_array_equal(one, other)
