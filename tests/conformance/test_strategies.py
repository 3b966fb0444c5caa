"""Every network family trains the same on one replica, two, four, and two worker processes."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from support.conformance import cases, outcome, spoiled_outcome
from support.workers import ended, start_workers

from esrgan_tf.training import distribution, terms

CASES = cases()
TWO, FOUR = "mirrored:CPU:0,CPU:1", "mirrored:CPU:0,CPU:1,CPU:2,CPU:3"
TOLERANCES = {"sgd": 1e-5, "adam": 2e-4}
# What these add to all logits alike, a relativistic loss does not depend on: Adam makes steps of rounding noise.
NOISE = ("linear1/bias", "linear2/bias")


@functools.cache
def on_one(name):
    """Of the whole batch."""
    recipe, stage, optimizer, _ = CASES[name]
    return outcome((recipe, stage, optimizer, 1), "cpu")


def assert_same(found, name):
    assert found.keys() == on_one(name).keys()
    optimizer = CASES[name][2]
    for path, value in on_one(name).items():
        if optimizer == "adam" and path.endswith(NOISE):
            continue
        # BatchNorm over few images amplifies rounding: 2e-5 was seen of gradients of 0.4.
        tolerance = TOLERANCES[optimizer] + 1e-4 * abs(value).max()
        np.testing.assert_allclose(found[path], value, atol=tolerance, rtol=0, err_msg=path)


def outcomes(strategy, processes, folder):
    """Each process's outcomes, by case."""
    files = [folder / f"{index}.npz" for index in range(processes)]
    commands = [["-m", "support.conformance", strategy, str(file)] for file in files]
    assert ended(start_workers(commands, folder), seconds=1200, others=120) == [0] * processes
    found = []
    for file in files:
        by_case = {}
        for key, value in np.load(file).items():
            name, _, path = key.replace("\\", "/").partition("|")
            by_case.setdefault(name, {})[path] = value
        found.append(by_case)
    return found


@pytest.fixture(scope="module")
def of_four_replicas(tmp_path_factory):
    """Outcomes by case, of a process of its own: strategies of two and of four replicas in one mix up their sums."""
    return outcomes(FOUR, 1, tmp_path_factory.mktemp("replicas"))[0]


@pytest.fixture(scope="module")
def of_two_workers(tmp_path_factory):
    """Each worker's outcomes, by case."""
    return outcomes("multi_worker", 2, tmp_path_factory.mktemp("workers"))


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_two_replicas_train_as_one(name):
    assert_same(outcome(CASES[name], TWO), name)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_four_replicas_train_as_one(name, of_four_replicas):
    assert_same(of_four_replicas[name], name)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_workers_train_as_one(name, of_two_workers):
    chief, other = (found[name] for found in of_two_workers)
    assert_same(chief, name)
    for path, value in chief.items():
        np.testing.assert_array_equal(other[path], value, err_msg=path)


def assert_bad_step_skipped(found):
    by_moment = {}
    for key, value in found.items():
        moment, _, index = key.partition(", ")
        by_moment.setdefault(moment, {})[index] = value
    before, bad, good = (by_moment[name] for name in ("before", "after a bad step", "after a good step"))
    for index, value in before.items():
        np.testing.assert_array_equal(bad[index], value)
    assert all(np.isfinite(value).all() for value in good.values())
    assert any((good[index] != value).any() for index, value in before.items())


@pytest.mark.slow
def test_a_loss_that_is_not_finite_on_one_replica_changes_nothing_on_any(of_four_replicas):
    assert_bad_step_skipped(spoiled_outcome(TWO))
    assert_bad_step_skipped(of_four_replicas["spoiled"])


@pytest.mark.slow
def test_a_loss_that_is_not_finite_on_one_worker_changes_nothing_on_any(of_two_workers):
    for found in of_two_workers:
        assert_bad_step_skipped(found["spoiled"])


@pytest.mark.slow
def test_each_replica_s_own_mean_would_not_pass(monkeypatch):
    """The naive relativistic loss, by the mean of each replica's own logits, is told from the real one."""
    name = "discriminator vgg"
    wanted = on_one(name)
    monkeypatch.setattr(terms, "global_mean", tf.reduce_mean)
    found = outcome(CASES[name], TWO)
    assert distribution.global_mean is not terms.global_mean
    apart = max(abs(found[path] - value).max() for path, value in wanted.items() if path.startswith("gradient of"))
    assert apart > 10 * TOLERANCES["sgd"]
