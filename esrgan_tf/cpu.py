"""What this machine's processor can do."""

import functools
import platform
from pathlib import Path

DESCRIPTION = Path("/proc/cpuinfo")
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
