"""What a run does, leaves out and refuses, and what a kill of its process costs."""

import errno
import random
import signal
import time
from pathlib import Path
from threading import Lock

import numpy as np
import pytest
from support.bulk import (
    assert_whole,
    doubling,
    finish,
    made,
    rows,
    start,
    wait_for_rows,
    write_images,
)
from support.images import truncate, write_noise

from esrgan_tf.bulk import worker
from esrgan_tf.bulk.manifest import Shard, read_manifest
from esrgan_tf.bulk.run import BulkOptions, BulkRun
from esrgan_tf.bulk.sources import find_jobs
from esrgan_tf.bulk.worker import PixelBudget, Worker
from esrgan_tf.errors import InputError
from esrgan_tf.image.io import read_rgb
from esrgan_tf.image.workers import Workers
from esrgan_tf.inference.files import FileOptions
from esrgan_tf.lock import held


def upscale(source, output, upscaler=None, suffix=None, **options):
    """(number of failures, what there was to do, the rows of this run)."""
    seen, done = [], []
    run = BulkRun(find_jobs(Path(source), output, suffix), output, BulkOptions(**options))
    failed = run.run(
        lambda jobs, order: Worker(upscaler or doubling(), order).rows(jobs), seen.append, lambda row: done.append(row)
    )
    return failed, seen[0], done


@pytest.mark.parametrize("concurrency", [1, 3])
def test_every_image_gets_its_output_and_a_row_that_describes_it(tmp_path, concurrency):
    paths = write_images(tmp_path / "in", 7)
    write_noise(tmp_path / "in" / "wide.png", 5, 9)
    failed, _, done = upscale(tmp_path / "in", tmp_path / "out", doubling(concurrency=concurrency))
    assert failed == 0 and len(done) == 8
    assert_whole(tmp_path / "in", tmp_path / "out", scale=2)
    row = read_manifest(tmp_path / "out")[str(tmp_path / "in" / "wide.png")]
    assert (row.width, row.height, row.output_width, row.output_height) == (9, 5, 18, 10)
    assert row.seconds > 0 and time.time() - 60 < row.finished <= time.time()
    np.testing.assert_array_equal(
        read_rgb(tmp_path / "out" / "0" / "0.png"), read_rgb(paths[0]).repeat(2, 0).repeat(2, 1)
    )


def test_damaged_images_are_rows_and_the_rest_goes_on_and_only_retry_failed_tries_them_again(tmp_path):
    paths = write_images(tmp_path / "in", 5)
    good = paths[1].read_bytes()
    truncate(paths[1])
    paths[2].write_text("none")
    (tmp_path / "out/0/3.png").mkdir(parents=True)  # in the place of an output
    failed, _, done = upscale(tmp_path / "in", tmp_path / "out")
    errors = {Path(row.source).name: row.error for row in done if row.error}
    assert failed == len(errors) == 3 and len(done) == 5
    assert "1.png` cannot be read" in errors["1.png"] and "2.png` must be an image" in errors["2.png"]
    assert f"{tmp_path}/out/0/3.png` must be a file" in errors["3.png"]
    paths[1].write_bytes(good)
    failed, pending, done = upscale(tmp_path / "in", tmp_path / "out")
    assert (failed, pending.done, pending.failed, done) == (3, 2, 3, [])
    failed, pending, done = upscale(tmp_path / "in", tmp_path / "out", retry_failed=True)
    assert (failed, pending.done, len(done)) == (2, 2, 3)
    assert not read_manifest(tmp_path / "out")[str(paths[1])].error


def test_whatever_a_runtime_raises_on_one_image_is_its_row(tmp_path):
    def run(lr_01):
        if lr_01.shape[0] == 9:
            raise RuntimeError("no kernel\nmany lines")
        return lr_01.repeat(2, 0).repeat(2, 1)

    write_images(tmp_path / "in", 2)
    write_noise(tmp_path / "in" / "odd.png", 9, 9)
    failed, _, done = upscale(tmp_path / "in", tmp_path / "out", doubling(run))
    assert failed == 1 and [row.error for row in done if row.error] == ["RuntimeError: no kernel"]


def test_an_output_that_is_gone_or_cut_off_is_made_again(tmp_path):
    paths = write_images(tmp_path / "in", 4)
    upscale(tmp_path / "in", tmp_path / "out")
    (tmp_path / "out/0/0.png").unlink()
    truncate(tmp_path / "out/1/1.png")
    _, pending, done = upscale(tmp_path / "in", tmp_path / "out")
    assert pending.done == 2 and {row.source for row in done} == {str(paths[0]), str(paths[1])}


def test_overwrite_makes_all_again_and_is_resumed_without_it(tmp_path):
    write_images(tmp_path / "in", 6)
    upscale(tmp_path / "in", tmp_path / "out")
    before = made(tmp_path / "out")
    _, pending, done = upscale(tmp_path / "in", tmp_path / "out", overwrite=True, limit=2)
    assert pending.done == 0 and len(done) == 2
    assert sum(before[target] != inode for target, inode in made(tmp_path / "out").items()) == 2
    _, pending, done = upscale(tmp_path / "in", tmp_path / "out")
    assert pending.done == 2 and len(done) == 4
    assert upscale(tmp_path / "in", tmp_path / "out")[1].done == 6


def test_limit_takes_the_next_images_that_are_not_done(tmp_path):
    write_images(tmp_path / "in", 5)
    counts = [(len(done), pending.done) for _, pending, done in (
        upscale(tmp_path / "in", tmp_path / "out", limit=2) for _ in range(4)
    )]  # fmt: skip
    assert counts == [(2, 0), (2, 2), (1, 4), (0, 5)]


@pytest.mark.parametrize(
    ("before", "after", "word"),
    [
        ({"model": "a"}, {"model": "b"}, "model"),
        ({}, {"files": FileOptions(quality=30)}, "quality"),
    ],
)
def test_outputs_of_other_settings_are_refused_or_overwritten(tmp_path, before, after, word):
    write_images(tmp_path / "in", 3)
    upscale(tmp_path / "in", tmp_path / "out", **before)
    with pytest.raises(InputError, match=f"made with another {word} .* or --overwrite"):
        upscale(tmp_path / "in", tmp_path / "out", **after)
    assert len(upscale(tmp_path / "in", tmp_path / "out", **after, overwrite=True, limit=1)[2]) == 1
    assert len(upscale(tmp_path / "in", tmp_path / "out", **after)[2]) == 2


def test_outputs_of_another_input_are_not_replaced(tmp_path):
    write_images(tmp_path / "in", 3)
    write_images(tmp_path / "other", 1)
    upscale(tmp_path / "in", tmp_path / "out")
    with pytest.raises(InputError, match="out/0/0.png of another input, .*in/0/0.png"):
        upscale(tmp_path / "other", tmp_path / "out")
    assert len(upscale(tmp_path / "other", tmp_path / "out", overwrite=True)[2]) == 1


def test_shards_share_the_images_out_and_other_cuts_know_what_is_done(tmp_path):
    write_images(tmp_path / "in", 40)
    parts = [
        {row.source for row in upscale(tmp_path / "in", tmp_path / "out", shard=Shard(index, 3))[2]}
        for index in range(3)
    ]
    assert sum(map(len, parts)) == len(set().union(*parts)) == 40 and all(len(part) > 5 for part in parts)
    assert_whole(tmp_path / "in", tmp_path / "out", scale=2)
    write_noise(tmp_path / "in" / "before_all.png")  # another image moves none of the others
    assert len(upscale(tmp_path / "in", tmp_path / "out", shard=Shard(0, 1))[2]) == 1
    assert [upscale(tmp_path / "in", tmp_path / "out", shard=Shard(index, 3))[2] for index in range(3)] == [[]] * 3


def test_a_shard_is_held_by_one_process(tmp_path):
    write_images(tmp_path / "in", 4)
    with held(Shard(1, 2).folder(tmp_path / "out"), "it"):
        upscale(tmp_path / "in", tmp_path / "out", shard=Shard(0, 2))
        with pytest.raises(InputError, match="`shard` 1/2 of .* is in use by process"):
            upscale(tmp_path / "in", tmp_path / "out", shard=Shard(1, 2))


def test_a_full_disk_ends_the_run_and_what_is_done_stays(tmp_path, monkeypatch):
    write_images(tmp_path / "in", 6)
    upscale_file, calls = worker.upscale_file, []

    def full(*arguments):
        calls.append(arguments)
        if len(calls) > 3:
            raise OSError(errno.ENOSPC, "No space left on device", "somewhere")
        return upscale_file(*arguments)

    monkeypatch.setattr(worker, "upscale_file", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*/out/\d/\d.png'"):
        upscale(tmp_path / "in", tmp_path / "out")
    monkeypatch.undo()
    done = made(tmp_path / "out")
    assert 1 <= len(done) <= 3
    upscale(tmp_path / "in", tmp_path / "out")
    assert_whole(tmp_path / "in", tmp_path / "out", scale=2)
    assert made(tmp_path / "out").items() >= done.items()


def test_images_in_memory_are_bounded_by_their_pixels_and_one_that_is_larger_is_alone():
    budget, lock, now, seen = PixelBudget(100), Lock(), [], []

    def work(pixels):
        with budget.taken(pixels):
            with lock:
                now.append(pixels)
                seen.append(list(now))
            time.sleep(0.002)
            with lock:
                now.remove(pixels)

    list(Workers(8).map(work, [10, 60, 1000, 30, 50, 20, 100, 40] * 6))
    assert len(seen) == 48 and any(len(held_now) > 1 for held_now in seen)
    assert all(sum(held_now) <= 100 or held_now == [1000] for held_now in seen)


def test_a_run_killed_at_random_moments_ends_whole_and_what_had_a_row_is_not_made_again(tmp_path):
    count, rng = 90, random.Random(15)
    write_images(tmp_path / "in", count, side=64)
    kept = {}
    for kill in range(4):
        process = start(tmp_path / "in", tmp_path / "out")
        wait_for_rows(process, tmp_path / "out", len(kept) + rng.randrange(1, 15))
        time.sleep(rng.random() / 20)
        process.send_signal(signal.SIGKILL)
        assert finish(process)[0] == -signal.SIGKILL, f"kill {kill} came too late"
        now = made(tmp_path / "out")
        assert now.items() >= kept.items()
        kept = now
    assert 0 < len(kept) < count
    status, text = finish(start(tmp_path / "in", tmp_path / "out"))
    assert status == 0, text
    assert f"{len(kept)} images are done already; {count - len(kept)} to do" in text
    assert made(tmp_path / "out").items() >= kept.items()
    assert_whole(tmp_path / "in", tmp_path / "out", scale=4)
    assert len(rows(tmp_path / "out")) == count
