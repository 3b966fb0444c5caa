"""How many cores runtimes are given."""

import os

import pytest

from esrgan_tf.cpu import usable_cores


@pytest.mark.parametrize(("told", "cores"), [("1", 1), ("0", None), ("", None), ("two", None), ("100000", None)])
def test_cores_are_those_of_the_process_and_no_more_than_omp_num_threads(monkeypatch, told, cores):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    everything = usable_cores()
    assert 1 <= everything <= os.cpu_count()
    monkeypatch.setenv("OMP_NUM_THREADS", told)
    assert usable_cores() == (cores or everything)
