"""Checkpoints: what is restored where the data is read in another way than when they were written."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from esrgan_tf.data.records.random_access import RandomAccess
from esrgan_tf.training.checkpoints import Checkpoints
from esrgan_tf.training.progress import Progress
from esrgan_tf.training.record import StepRecord


def opened(folder, weight, batches):
    """Checkpoints of a network with one weight, which stands at `weight`."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False, name="dense")])
    model.set_weights([np.full((1, 1), weight, np.float32)])
    optimizer = keras.optimizers.Adam()
    optimizer.build(model.trainable_variables)
    networks = {"generator": model, "generator_optimizer": optimizer}
    make_batches = batches if callable(batches) else lambda data_round: batches
    return Checkpoints(folder, networks, Progress(StepRecord()), make_batches), model


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
    assert not any("batches" in name for name, _ in tf.train.list_variables(str(tmp_path)))
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
