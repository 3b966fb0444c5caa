"""A folder is held by one process at a time, and by none that is gone."""

import os
import socket
import subprocess
import sys

import pytest
from support.images import write_photo
from support.paths import ROOT
from support.tiny import TINY

from esrgan_tf import RunOptions, train_stage
from esrgan_tf.data.records.preparation import prepare
from esrgan_tf.data.records.sub_images import Cutting
from esrgan_tf.errors import InputError
from esrgan_tf.lock import held

HOLDING = (
    "import sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path; from esrgan_tf.lock import held\n"
    "with held(Path(sys.argv[2]), 'it'): print('held', flush=True); sys.stdin.read()"
)


@pytest.fixture
def holder():
    """Starts another process that holds a folder."""
    processes = []

    def hold(folder):
        command = [sys.executable, "-c", HOLDING, str(ROOT), str(folder)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        processes.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield hold
    for process in processes:
        process.kill()
        process.wait()


def test_a_second_process_is_refused_and_told_who_holds_the_folder(tmp_path, holder):
    process = holder(tmp_path / "deep/folder")
    message = f"`workdir` x is in use by process {process.pid} on {socket.gethostname()}: wait for it"
    with pytest.raises(InputError, match=message), held(tmp_path / "deep/folder", "`workdir` x"):
        pass
    with held(tmp_path / "another", "it"):
        pass


def test_nothing_is_left_of_a_process_that_was_killed(tmp_path, holder):
    process = holder(tmp_path)
    process.kill()
    process.wait()
    with held(tmp_path, "it"):
        assert str(os.getpid()) in (tmp_path / ".lock").read_text()
        assert str(process.pid) not in (tmp_path / ".lock").read_text()


def test_a_folder_is_free_again_when_the_block_ends_or_raises(tmp_path):
    for _ in range(2):
        with pytest.raises(RuntimeError), held(tmp_path, "it"):
            raise RuntimeError
    with held(tmp_path, "it"):
        pass


def test_two_trainings_on_one_work_directory_are_refused(tmp_path, holder):
    process = holder(tmp_path / "run/psnr")
    with pytest.raises(InputError, match=f"`workdir` .*run/psnr is in use by process {process.pid}"):
        train_stage(TINY, "psnr", RunOptions(workdir=str(tmp_path / "run"), data="dead_leaves"), log=lambda line: None)
    assert [path.name for path in (tmp_path / "run/psnr").iterdir()] == [".lock"]  # the other one's


def test_two_preparations_of_one_folder_are_refused(tmp_path, holder):
    write_photo(tmp_path / "in/a.png", 64, 64)
    process = holder(tmp_path / "records")
    with pytest.raises(InputError, match=f"`output` .*records is in use by process {process.pid}"):
        prepare(str(tmp_path / "in"), tmp_path / "records", Cutting(32, 32, (2,)), log=lambda line: None)


def test_many_processes_take_turns_and_none_holds_it_with_another(tmp_path):
    counting = (
        "import sys, time; sys.path.insert(0, sys.argv[1]); from pathlib import Path; from esrgan_tf.lock import held\n"
        "from esrgan_tf.errors import InputError\n"
        "folder, done = Path(sys.argv[2]), 0\n"
        "while done < 20:\n"
        "    try:\n"
        "        with held(folder, 'it'):\n"
        "            (folder / 'alone').mkdir()\n"
        "            (folder / 'alone').rmdir()\n"
        "            done += 1\n"
        "    except InputError:\n"
        "        time.sleep(0.001)\n"
    )
    command = [sys.executable, "-c", counting, str(ROOT), str(tmp_path)]
    processes = [subprocess.Popen(command) for _ in range(4)]
    assert [process.wait(60) for process in processes] == [0, 0, 0, 0]
    assert not list(tmp_path.iterdir())
