"""A run whose terminal, or whose reader, goes away ends as any other."""

import errno
import io
import os
import pty
import signal
import subprocess
import sys

import pytest
from support.paths import ROOT, TESTS

from esrgan_tf.training.lost_terminal import survives_lost_terminal

SCRIPT = f"""
import os, sys, time
sys.path.insert(0, {str(TESTS)!r})
from support.tiny import LEAN
from esrgan_tf.recipes.overrides import override
from esrgan_tf.training.callbacks import Callback
from esrgan_tf.training.run import RunOptions, train_stage

class WaitUntilGone(Callback):
    '''Lets the first step end, and goes on once the test says that the terminal is gone.'''

    def on_step_end(self, session, batch, terms):
        if session.step == 1:
            print("begun", flush=True)
            while not os.path.exists(sys.argv[2]):
                time.sleep(0.02)
        print("a callback's own line")

recipe = override(LEAN, {{"psnr.log_every": 1}})
train_stage(recipe, "psnr", RunOptions(workdir=sys.argv[1], data="dead_leaves", strategy="cpu"), [WaitUntilGone()])
open(sys.argv[2] + ".ended", "w").close()
"""


def start(folder, shell=None, **options):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "-1"}
    command = [sys.executable, "-c", SCRIPT, str(folder / "run"), str(folder / "gone")]
    if shell:
        command = ["bash", "-c", shell, "bash", *command]
    return subprocess.Popen(command, env=environment, **options)


def assert_ended(folder):
    assert (folder / "gone.ended").exists()
    assert (folder / "run/psnr/generator.keras").is_file()
    rows = (folder / "run/psnr/metrics.csv").read_text().splitlines()
    assert [row.partition(",")[0] for row in rows] == ["step", "3", "6"]


@pytest.mark.slow
def test_a_terminal_that_is_closed_during_a_run_does_not_end_it(tmp_path):
    """A real pseudo-terminal, which the run controls: closing it hangs up (SIGHUP), and writing to it fails (EIO)."""
    ours, theirs = pty.openpty()
    process = start(tmp_path, stdin=theirs, stdout=theirs, stderr=theirs, preexec_fn=lambda: os.login_tty(theirs))
    os.close(theirs)
    seen = b""
    while b"begun" not in seen:
        seen += os.read(ours, 1000)
    os.close(ours)
    (tmp_path / "gone").write_text("")
    assert process.wait(240) == 0
    assert_ended(tmp_path)


@pytest.mark.slow
def test_a_reader_that_has_seen_enough_does_not_end_a_run(tmp_path):
    """Of `2>&1 | head -n 1`: bash's status is the run's own."""
    shell = 'set -o pipefail; "$@" 2>&1 | head -n 1'
    process = start(tmp_path, shell, stdout=subprocess.PIPE, text=True)
    (tmp_path / "gone").write_text("")
    assert len(process.communicate(timeout=240)[0].splitlines()) == 1
    assert process.returncode == 0
    assert_ended(tmp_path)


@pytest.mark.slow
def test_a_run_whose_outputs_were_closed_before_it_began_ends(tmp_path):
    process = start(tmp_path, '"$@" >&- 2>&- <&-')
    (tmp_path / "gone").write_text("")
    assert process.wait(240) == 0
    assert_ended(tmp_path)


def test_a_hang_up_ends_the_process_again_once_the_run_is_over_and_a_handler_of_one_s_own_stays():
    heard, before = [], signal.signal(signal.SIGHUP, signal.SIG_DFL)  # these tests may themselves run under nohup
    try:
        with survives_lost_terminal():
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL
        signal.signal(signal.SIGHUP, lambda number, frame: heard.append(number))
        with survives_lost_terminal():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert heard == [signal.SIGHUP]


class Full(io.StringIO):
    def flush(self):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_an_output_whose_disk_is_full_is_an_error_as_ever(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Full())
    with pytest.raises(OSError, match="No space left"), survives_lost_terminal():
        print("a line", flush=True)
    assert isinstance(sys.stdout, Full)
