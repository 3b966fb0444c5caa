"""Where what can be made again is kept between runs; all of it may be deleted."""

import os
from pathlib import Path


def cache_folder(name: str) -> Path:
    """`esrgan_tf/<name>` in `$XDG_CACHE_HOME`, by default in `~/.cache`; it need not be there."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "esrgan_tf", name)
