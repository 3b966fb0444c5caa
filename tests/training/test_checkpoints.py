"""Checkpoints: what is restored where the data is read in another way than when they were written."""

import random

import keras
import numpy as np
import pytest
import tensorflow as tf

from esrgan_tf.data.records.random_access import RandomAccess
from esrgan_tf.training.checkpoints import Checkpoints
from esrgan_tf.training.progress import Progress
from esrgan_tf.training.record import StepRecord

FLIPS, CUTS = 60, 30  # of each file of a checkpoint


def opened(folder, weight, batches, log=print):
    """Checkpoints of a network with one weight, which stands at `weight`."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False, name="dense")])
    model.set_weights([np.full((1, 1), weight, np.float32)])
    optimizer = keras.optimizers.Adam()
    optimizer.build(model.trainable_variables)
    networks = {"generator": model, "generator_optimizer": optimizer}
    make_batches = batches if callable(batches) else lambda data_round: batches
    return Checkpoints(folder, networks, Progress(StepRecord()), make_batches, log), model


def counting():
    return tf.data.Dataset.range(100).repeat()


@pytest.fixture
def saved(tmp_path):
    """A folder with a checkpoint of step 2, weight 3, after two batches."""
    checkpoints, _ = opened(tmp_path, 3, counting())
    for _ in range(2):
        next(checkpoints.batches)
    checkpoints._progress.step = 2
    checkpoints.save()
    return tmp_path


def test_the_data_goes_on_where_it_was(saved):
    checkpoints, model = opened(saved, 0, counting())
    assert checkpoints.restore()
    assert (checkpoints._progress.step, model.get_weights()[0]) == (2, 3)
    assert int(next(checkpoints.batches)) == 2


def test_a_pipeline_that_has_changed_starts_again_and_everything_else_is_restored(saved, capsys):
    changed = counting().map(lambda number: number + 10).prefetch(1)
    checkpoints, model = opened(saved, 0, changed)
    assert checkpoints.restore()
    assert "ckpt-2` is restored without its position in the data, which starts again" in capsys.readouterr().out
    assert (checkpoints._progress.step, model.get_weights()[0]) == (2, 3)
    assert int(next(checkpoints.batches)) == 10
    checkpoints._progress.step = 3
    checkpoints.save()
    again, _ = opened(saved, 0, changed)
    assert again.restore()
    assert (again._progress.step, int(next(again.batches))) == (3, 11)


def test_an_empty_folder_has_nothing_to_restore(tmp_path):
    checkpoints, _ = opened(tmp_path, 3, counting())
    assert not checkpoints.restore()
    assert int(next(checkpoints.batches)) == 0


def test_data_whose_iterator_cannot_be_saved_starts_again(tmp_path, capsys):
    spec = tf.TensorSpec([], tf.int64)
    data = tf.data.Dataset.from_generator(lambda: range(10), output_signature=spec)
    checkpoints, _ = opened(tmp_path, 3, data)
    for step in (1, 2):
        next(checkpoints.batches)
        checkpoints._progress.step = step
        checkpoints.save()
    assert capsys.readouterr().out.count("the position in the data cannot be saved") == 1
    again, model = opened(tmp_path, 0, data)
    assert again.restore()
    assert (again._progress.step, model.get_weights()[0], int(next(again.batches))) == (2, 3, 0)


def test_going_back_begins_another_round_of_data_which_a_checkpoint_keeps(tmp_path):
    def of_round(data_round):
        return counting().map(lambda number: number + 100 * data_round)

    checkpoints, model = opened(tmp_path, 3, of_round)
    assert not checkpoints.roll_back()
    checkpoints._progress.step = 1
    checkpoints.save()
    model.set_weights([np.full((1, 1), np.inf, np.float32)])
    assert checkpoints.roll_back()
    assert (model.get_weights()[0], int(next(checkpoints.batches))) == (3, 100)
    checkpoints._progress.step = 2
    checkpoints.save()
    again, _ = opened(tmp_path, 0, of_round)
    assert again.restore()
    assert (again._progress.data_round, int(next(again.batches))) == (1, 101)


class Crops(RandomAccess):
    """Batches whose one value is (100 * round + step)."""

    def __init__(self, data_round):
        self._data_round = data_round

    def from_step(self, step, worker=0, workers=1):
        return tf.data.Dataset.range(100 * self._data_round + step, 1000)


def test_random_access_resumes_by_the_step_alone(tmp_path):
    checkpoints, _ = opened(tmp_path, 3, Crops)
    for step in (1, 2):
        next(checkpoints.batches)
        checkpoints._progress.step = step
        checkpoints.save()
    assert not any("batches" in name for name, _ in tf.train.list_variables(str(tmp_path / "ckpt-2")))
    again, model = opened(tmp_path, 0, Crops)
    assert again.restore()
    assert (again._progress.step, model.get_weights()[0], int(next(again.batches))) == (2, 3, 2)


def test_random_access_goes_back_to_the_checkpoint_s_step_of_another_round(tmp_path):
    checkpoints, _ = opened(tmp_path, 3, Crops)
    checkpoints._progress.step = 1
    checkpoints.save()
    checkpoints._progress.step = 5
    assert checkpoints.roll_back()
    assert (checkpoints._progress.step, int(next(checkpoints.batches))) == (1, 101)
    checkpoints._progress.step = 2
    checkpoints.save()
    again, _ = opened(tmp_path, 0, Crops)
    assert again.restore()
    assert (again._progress.data_round, int(next(again.batches))) == (1, 102)


def test_random_access_resumes_from_the_checkpoint_before_where_the_last_is_damaged(tmp_path):
    checkpoints, _ = opened(tmp_path, 3, Crops)
    for step in (1, 2):
        checkpoints._progress.step = step
        checkpoints.save()
    (tmp_path / "ckpt-2.index").write_bytes(b"damaged")
    again, _ = opened(tmp_path, 0, Crops)
    assert again.restore()
    assert (again._progress.step, int(next(again.batches))) == (1, 1)


@pytest.fixture
def two(tmp_path):
    """A folder with checkpoints of steps 1 and 2, whose weight is the step; what restores them; what it logs."""
    lines = []
    checkpoints, model = opened(tmp_path / "kept", 0, counting(), lines.append)
    for step in (1, 2):
        next(checkpoints.batches)
        save(checkpoints, model, step)
    return tmp_path / "kept", checkpoints, model, lines


def save(checkpoints, model, step):
    checkpoints._progress.step = step
    model.set_weights([np.full((1, 1), step, np.float32)])
    checkpoints.save()


def restored(checkpoints, model):
    """(step, weight, next of the data), after all were something else."""
    checkpoints._progress.step = 0
    model.set_weights([np.zeros((1, 1), np.float32)])
    assert checkpoints.restore()
    return checkpoints._progress.step, float(model.get_weights()[0][0, 0]), int(next(checkpoints.batches))


def damaged(data, rng):
    """Copies of a file with one bit flipped, and cut off."""
    for _ in range(FLIPS):
        flipped = bytearray(data)
        flipped[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        yield bytes(flipped)
    for length in (0, 1, *rng.sample(range(len(data) - 1), CUTS - 2)):
        yield data[:length]


def test_a_bit_flipped_or_an_end_cut_off_anywhere_falls_back_to_the_checkpoint_before_and_is_reported(two):
    folder, checkpoints, model, lines = two
    assert restored(checkpoints, model) == (2, 2, 2)
    rng, tried = random.Random(0), 0
    for path in sorted(folder.glob("ckpt-2.*")):
        whole = path.read_bytes()
        for content in damaged(whole, rng):
            path.write_bytes(content)
            assert restored(checkpoints, model) == (1, 1, 1)
            assert len(lines) == 1
            assert lines.pop().startswith(f"`{folder}/ckpt-2` cannot be read (")
            tried += 1
        path.write_bytes(whole)
    assert tried == 3 * (FLIPS + CUTS)
    assert restored(checkpoints, model) == (2, 2, 2)


@pytest.mark.parametrize("suffix", ["index", "data-00000-of-00001", "sha256"])
def test_a_file_of_the_newest_checkpoint_that_vanished_loses_no_other(two, suffix):
    """Without its checksums a checkpoint is as one of an older version, and restored."""
    folder, checkpoints, model, lines = two
    (folder / f"ckpt-2.{suffix}").unlink()
    assert restored(checkpoints, model)[0] == (2 if suffix == "sha256" else 1)
    assert len(lines) == (suffix != "sha256")


@pytest.mark.parametrize("step", [2, 3, 4])
def test_what_is_saved_after_a_damaged_checkpoint_is_the_newest_and_the_damaged_one_is_gone(two, step):
    folder, checkpoints, model, lines = two
    save(checkpoints, model, 3)  # 1 is removed
    (folder / "ckpt-3.index").write_bytes(b"damaged")
    assert restored(checkpoints, model) == (2, 2, 2)
    checkpoints._saved_step = -1
    save(checkpoints, model, step)
    assert restored(checkpoints, model)[:2] == (step, step)
    assert {path.name.partition(".")[0] for path in folder.glob("ckpt-*")} == {"ckpt-2", f"ckpt-{step}"}


def test_digests_are_as_sha256sum_verifies_them_and_go_with_their_checkpoint(two):
    folder, checkpoints, model, _ = two
    assert sorted(path.name for path in folder.iterdir()) == [
        f"ckpt-{step}.{suffix}" for step in (1, 2) for suffix in ("data-00000-of-00001", "index", "sha256")
    ]
    save(checkpoints, model, 3)
    assert {path.name for path in folder.glob("*.sha256")} == {"ckpt-2.sha256", "ckpt-3.sha256"}


def test_what_a_process_left_that_was_killed_while_it_wrote_is_no_checkpoint_and_goes_with_the_next(two):
    folder, checkpoints, model, lines = two
    (folder / ".partial").mkdir()
    (folder / ".partial/ckpt-3.index").write_bytes(b"half")
    (folder / "ckpt-3.data-00000-of-00001").write_bytes(b"moved, without its index")
    assert restored(checkpoints, model) == (2, 2, 2)
    assert not lines
    save(checkpoints, model, 4)
    assert not (folder / ".partial").exists()
    assert {path.name.partition(".")[0] for path in folder.iterdir()} == {"ckpt-2", "ckpt-4"}


def test_an_older_one_that_a_kill_left_goes_when_the_newest_is_restored(two):
    folder, checkpoints, model, _ = two
    oldest = {path: path.read_bytes() for path in folder.glob("ckpt-1.*")}
    save(checkpoints, model, 3)
    assert not any(path.exists() for path in oldest)
    for path, content in oldest.items():  # as if the process had been killed before it removed them
        path.write_bytes(content)
    assert restored(checkpoints, model)[:2] == (3, 3)
    assert {path.name.partition(".")[0] for path in folder.iterdir()} == {"ckpt-2", "ckpt-3"}
