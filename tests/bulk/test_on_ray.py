"""Bulk work on Ray: a killed driver, worker or machine costs what was in flight; no image is lost or half-written."""

import os
import pickle
import signal
import time
from pathlib import Path

import pytest

ray = pytest.importorskip("ray")

from support.bulk import (  # noqa: E402
    assert_whole,
    finish,
    made,
    rows,
    start,
    wait_for_rows,
    write_images,
)
from support.images import truncate, write_noise  # noqa: E402

from esrgan_tf.bulk import on_ray  # noqa: E402
from esrgan_tf.bulk.manifest import read_manifest  # noqa: E402
from esrgan_tf.inference.jobs import Job  # noqa: E402

WORKER = "MapWorker"  # in the names that Ray gives its processes


@pytest.fixture
def cluster():
    """Two machines of one core beside a head that has none: each a Ray node of its own, here."""
    from ray.cluster_utils import Cluster

    memory = {"object_store_memory": 80 * 2**20}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **memory})
    cluster.machines = [cluster.add_node(num_cpus=1, **memory) for _ in range(2)]
    yield cluster
    cluster.shutdown()


def workers_of(parents: set[int]) -> dict[int, int]:
    """Ray's processes that upscale, and the one of `parents` that each descends from."""
    parent_of, named = {}, []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent_of[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if WORKER in (folder / "cmdline").read_text():
                named.append(int(folder.name))
        except OSError:  # has ended
            continue
    found = {}
    for process in named:
        above = process
        while above and above not in parents:
            above = parent_of.get(above, 0)
        if above:
            found[process] = above
    return found


def raylet(node) -> int:
    """The process of a node that starts its workers."""
    (info,) = node.all_processes["raylet"]
    return info.process.pid


def test_batches_are_cut_by_pixels_and_by_number(tmp_path, monkeypatch):
    monkeypatch.setattr(on_ray, "BATCH_PIXELS", 1000)
    monkeypatch.setattr(on_ray, "BATCH_IMAGES", 4)
    sides = [10] * 6 + [40, 20, 20, 20, 5]
    jobs = [Job(tmp_path / f"{number}.png", tmp_path / f"out/{number}.png") for number in range(len(sides))]
    for job, side in zip(jobs, sides, strict=True):
        write_noise(job.source, side, side)
    truncate(jobs[-1].source)
    jobs[-1].source.write_text("none")
    batches = [pickle.loads(row["payload"]) for row in on_ray._batches({"payload": pickle.dumps(jobs)})]
    assert [job for batch in batches for job in batch] == jobs
    assert [[sides[jobs.index(job)] for job in batch] for batch in batches] == [
        [10] * 4,
        [10] * 2,
        [40],
        [20, 20],
        [20, 5],
    ]


@pytest.mark.slow  # two starts of Ray
def test_a_driver_and_a_worker_killed_on_one_machine(tmp_path):
    count = 240
    paths = write_images(tmp_path / "in", count, side=96)
    broken = paths[7].read_bytes()
    truncate(paths[7])
    os.rename(paths[9], strange := os.path.join(os.fsencode(paths[9].parent), b"\xff,\n.png"))
    process = start(tmp_path / "in", tmp_path / "out", "--workers=2")
    wait_for_rows(process, tmp_path / "out", 20)
    process.send_signal(signal.SIGKILL)
    assert finish(process)[0] == -signal.SIGKILL
    kept = made(tmp_path / "out")
    assert 20 <= len(kept) < count

    process = start(tmp_path / "in", tmp_path / "out", "--workers=2")
    wait_for_rows(process, tmp_path / "out", len(rows(tmp_path / "out")) + 1)
    victims = workers_of({process.pid})
    assert len(victims) == 2 and process.poll() is None
    os.kill(min(victims), signal.SIGKILL)
    status, text = finish(process)
    assert status == 1 and "1 images failed" in text, text
    assert made(tmp_path / "out").items() >= kept.items()
    merged = read_manifest(tmp_path / "out")
    assert {source for source, row in merged.items() if row.error} == {str(paths[7])}
    assert os.fsdecode(strange) in merged

    paths[7].write_bytes(broken)
    status, text = finish(start(tmp_path / "in", tmp_path / "out", "--retry_failed"))
    assert status == 0 and f"{count - 1} images are done already; 1 to do" in text
    failed = [row for row in rows(tmp_path / "out") if row[9]]
    assert len(failed) == 1 and len(rows(tmp_path / "out")) == count + 1
    paths[7].unlink()
    assert made(tmp_path / "out").items() >= kept.items()


@pytest.mark.slow  # a cluster of three nodes
def test_a_machine_of_a_cluster_is_lost(tmp_path, cluster):
    count = 240
    write_images(tmp_path / "in", count, side=96)
    process = start(tmp_path / "in", tmp_path / "out", f"--ray_address={cluster.address}")
    wait_for_rows(process, tmp_path / "out", 1)
    nodes = {raylet(node): node for node in cluster.machines}
    workers = workers_of(set(nodes))
    assert set(workers.values()) == set(nodes), "a worker on each machine"
    kept = made(tmp_path / "out")
    cluster.remove_node(cluster.machines[0], allow_graceful=False)
    assert process.poll() is None
    status, text = finish(process)
    assert status == 0, text
    assert made(tmp_path / "out").items() >= kept.items()
    time.sleep(1)
    assert_whole(tmp_path / "in", tmp_path / "out", scale=4)
