"""Writes a site: the page, LiteRT files, what it is told of them, and perhaps LiteRT.js."""

import hashlib
import html
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from esrgan_tf.formats.format import Artifact, WriteRequest
from esrgan_tf.formats.tflite.writer import write_tflite
from esrgan_tf.formats.web.litert_js import LiteRtJs, copied, from_servers
from esrgan_tf.metadata import NOT_STATED, GeneratorMetadata

_PAGE = Path(__file__).parent / "page"
_TEMPLATES = ("index.html", "offline.js")
_LARGEST = 400_000_000  # px of an output: what a browser compresses in some minutes
_SPEEDS = {"float32": "exact", "float16": "half the size, slow without a GPU", "dynamic": "faster", "int8": "fastest"}


def site_of(metadata: GeneratorMetadata) -> str:
    """The folder of a generator's site."""
    return f"{metadata.name}_web"


def write_site(request: WriteRequest) -> Iterator[Artifact]:
    """Write `<name>_web/`, which any web server hands out as it is; yields its LiteRT files.

    Raises:
        InputError: as `write_tflite`, or LiteRT.js is not whole.
        OSError: the system refuses to write.
    """
    site = request.folder / site_of(request.metadata)
    site.mkdir()
    written: dict[Path, GeneratorMetadata] = {}
    for artifact in write_tflite(replace(request, folder=site)):
        written[artifact.path] = artifact.metadata
        yield artifact
    folder = request.options.litert_js
    litert = from_servers() if folder is None else copied(Path(folder), site)
    if folder is None:
        request.log(f"the page loads LiteRT.js from {litert.host}: `litert_js` has it copied into the site")
    models = [_entry(path, metadata) for path, metadata in written.items()]
    config = {
        "scale": request.metadata.scale,
        "largest": _LARGEST,
        "litert": {"module": litert.module, "wasm": litert.wasm},
        "models": models,
    }
    (site / "config.json").write_text(json.dumps(config, indent=2))
    _write_page(site, request.metadata, litert, [entry["file"] for entry in models])


def _entry(path: Path, metadata: GeneratorMetadata) -> dict[str, object]:
    """What the page is told of one LiteRT file."""
    return {
        "file": path.name,
        "title": f"{metadata.precision} ({_SPEEDS[metadata.precision]}), tiles of {metadata.tile} px",
        "tile": metadata.tile,
        "overlap": metadata.overlap,
        "integers": metadata.precision == "int8",
    }


def _write_page(site: Path, metadata: GeneratorMetadata, litert: LiteRtJs, models: Sequence[str]) -> None:
    """Copy the page, its places filled in."""
    for source in _PAGE.iterdir():
        if source.name not in _TEMPLATES:
            (site / source.name).write_bytes(source.read_bytes())
    kept = ["./", "config.json", models[0], *(path.name for path in _PAGE.iterdir() if path.name not in _TEMPLATES)]
    (site / "index.html").write_text(_filled("index.html", _described(metadata) | {"policy": _policy(litert)}))
    digest = hashlib.sha256()
    for path in sorted(path for path in site.rglob("*") if path.is_file()):
        digest.update(path.read_bytes())
    places = {"site": site.name, "version": digest.hexdigest()[:16], "files": json.dumps(kept)}
    (site / "offline.js").write_text(_filled("offline.js", places))


def _described(metadata: GeneratorMetadata) -> dict[str, str]:
    """What the page says of the generator."""
    licence = "" if metadata.licence == NOT_STATED else f" Licence of the network: {metadata.licence}."
    about = f"{metadata.name}, made by {metadata.made_by}, run by LiteRT.js.{licence}"
    return {"title": html.escape(metadata.name), "scale": str(metadata.scale), "about": html.escape(about)}


def _policy(litert: LiteRtJs) -> str:
    """What the page may load: its own files, and LiteRT.js where that lies elsewhere."""
    own = f"'self' {litert.host}".strip()
    return (
        f"default-src 'none'; script-src {own} 'wasm-unsafe-eval'; worker-src 'self' blob:; connect-src {own}; "
        "style-src 'self'; img-src 'self' blob: data:; base-uri 'none'; form-action 'none'"
    )


def _filled(name: str, places: dict[str, str]) -> str:
    """A template of the page."""
    text = (_PAGE / name).read_text()
    for place, value in places.items():
        text = text.replace(f"@{place}@", value)
    return text
