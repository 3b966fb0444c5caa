"""What this machine's processor can do."""

import contextlib
import functools
import os
import platform
import threading
from collections.abc import Iterator
from pathlib import Path

DESCRIPTION = Path("/proc/cpuinfo")
THREADS = Path("/proc/self/task")  # a folder for each of this process
BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}  # x86, x86, Arm


@functools.cache
def cpu_flags() -> frozenset[str]:
    """Names of instruction sets; none where the system does not tell: only Linux does."""
    if platform.system() != "Linux" or not DESCRIPTION.exists():
        return frozenset()
    lines = DESCRIPTION.read_text().splitlines()
    return frozenset(next((line for line in lines if line.startswith(("flags", "Features"))), "").split())


def has_bfloat16() -> bool:
    """Whether there are bfloat16 instructions."""
    return bool(BFLOAT16_FLAGS & cpu_flags())


def has_avx512() -> bool:
    """Whether x86's vectors of 512 bits are there."""
    return "avx512f" in cpu_flags()


def machine_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def usable_cores() -> int:
    """Cores that this process may use, and no more than OMP_NUM_THREADS says: others may be at work beside it."""
    cores = machine_cores()
    told = os.environ.get("OMP_NUM_THREADS", "")
    return min(cores, int(told)) if told.isdecimal() and int(told) else cores


@contextlib.contextmanager
def scheduling_kept() -> Iterator[None]:
    """Give this thread, and those that begin here, the scheduling that it had before; only on Linux.

    SVT-AV1 gives its own threads and the one that opens it real-time scheduling wherever it may (as root, so in most
    containers), which takes the whole machine.
    """
    if not THREADS.is_dir():
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    others = set(os.listdir(THREADS)) - {str(threading.get_native_id())}
    try:
        yield
    finally:
        for thread in map(int, set(os.listdir(THREADS)) - others):
            with contextlib.suppress(ProcessLookupError):  # it has ended since
                os.sched_setscheduler(thread, policy, parameters)
