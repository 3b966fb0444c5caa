"""LiteRT.js, copied from where npm has installed it, or loaded from a public network of servers."""

import json
import shutil
from pathlib import Path
from typing import NamedTuple

from esrgan_tf.errors import InputError

VERSION = "2.5.3"  # of npm's `@litertjs/core`, that the page is tested with
_SERVERS = "https://cdn.jsdelivr.net"
# Of the WebAssembly: the one for every browser, for current ones, and with threads. The fourth, for WebNN, is not used.
_WASM = ("litert_wasm_compat_internal", "litert_wasm_internal", "litert_wasm_threaded_internal")
_FROM, _TO = '"@litertjs/wasm-utils"', '"../wasm-utils/index.js"'  # browsers resolve no bare names in workers


class LiteRtJs(NamedTuple):
    """Where a page has LiteRT.js: its module, the folder of its WebAssembly, and the host, empty for the page's own."""

    module: str
    wasm: str
    host: str = ""


def check_folder(folder: Path) -> None:
    """Raise unless a folder is npm's `node_modules` with `@litertjs/core`, of the version that the page knows.

    Raises:
        InputError: it is not.
    """
    try:
        found = json.loads((folder / "@litertjs/core/package.json").read_text())["version"]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"`litert_js` must be the folder node_modules, after npm install @litertjs/core@{VERSION}. "
            f"Received: {folder}, which has no @litertjs/core."
        ) from error
    if found.split(".")[:2] != VERSION.split(".")[:2]:
        raise InputError(
            f"`litert_js` must hold @litertjs/core {VERSION}, which the page is made for. Received: {found}."
        )


def from_servers() -> LiteRtJs:
    """LiteRT.js from jsDelivr, at the version that the page knows."""
    package = f"{_SERVERS}/npm/@litertjs/core@{VERSION}"
    return LiteRtJs(f"{package}/+esm", f"{package}/wasm/", _SERVERS)


def copied(folder: Path, site: Path) -> LiteRtJs:
    """Copy LiteRT.js from npm's `node_modules` into a site.

    Raises:
        InputError: a file of it is missing.
        OSError: the system refuses the write.
    """
    packages = folder / "@litertjs"
    target = site / "litert"
    try:
        for name in ("core", "wasm-utils"):
            (target / name).mkdir(parents=True)
            shutil.copyfile(packages / name / "package.json", target / name / "package.json")  # says whose it is
            script = (packages / name / "dist/index.js").read_text()
            (target / name / "index.js").write_text(script.replace(_FROM, _TO))
        (target / "wasm").mkdir()
        for name in _WASM:
            for suffix in (".js", ".wasm"):
                shutil.copyfile(packages / "core/wasm" / f"{name}{suffix}", target / "wasm" / f"{name}{suffix}")
    except FileNotFoundError as error:
        raise InputError(f"`litert_js` must hold LiteRT.js whole. Received: no {error.filename}.") from error
    return LiteRtJs("litert/core/index.js", "litert/wasm/")
