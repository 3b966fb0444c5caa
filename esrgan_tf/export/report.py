"""What was exported, as JSON for programs and as a table for people."""

import dataclasses
import json
import math
from dataclasses import dataclass
from pathlib import Path

from esrgan_tf.export.parity import Parity

REPORT_JSON, REPORT_TABLE = "report.json", "report.md"
COLUMNS = (
    "artifact",
    "size",
    "time (of Keras')",
    "differs by up to",
    "PSNR to Keras",
    "Y-PSNR (change)",
    "worst image",
    "XNNPACK",
)


@dataclass(frozen=True)
class Row:
    """One artifact and its parity with Keras.

    `path` is relative to the output folder. `keras_seconds` is the Keras model's time for the same image.
    `xnnpack` is the share of operators that XNNPACK took, 0 to 1, of LiteRT files alone. `in_float` names what int8
    left in float. `alpha` is where a file of two generators was verified.
    """

    path: str
    precision: str
    size: int
    parity: Parity
    keras_seconds: float
    xnnpack: float | None = None
    in_float: tuple[str, ...] = ()
    alpha: float | None = None


def write_report(stage: Path, output: Path, rows: list[Row], facts: dict[str, str]) -> str:
    """Write `report.json` and `report.md`, which also list what earlier exports left in the folder.

    Args:
        stage: where the new artifacts and the reports lie for now.
        output: where they will lie.
        rows: of the new artifacts.
        facts: of this export, written with each of its artifacts: source, licence, images, versions.

    Returns:
        The table of the new artifacts.

    Raises:
        OSError: the system refuses to write.
    """
    new = [_entry(row) | facts for row in rows]
    paths = {row.path for row in rows}
    old = _artifacts(output / REPORT_JSON)
    kept = [entry for entry in old if entry["path"] not in paths and (output / entry["path"]).exists()]
    (stage / REPORT_JSON).write_text(json.dumps({"artifacts": [*kept, *new]}, indent=2, allow_nan=False))
    (stage / REPORT_TABLE).write_text(f"{table([*kept, *new])}\n\nImages, sources and versions: {REPORT_JSON}.\n")
    return table(new)


def table(artifacts: list[dict]) -> str:
    """A Markdown table, a row an artifact of `report.json`."""
    lines = [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    for entry in artifacts:
        p = entry["proof"]
        name = entry["path"] + (f", alpha {entry['alpha']:g}" if entry["alpha"] is not None else "")
        name += f" ({', '.join(entry['in_float'])} in float)" if entry["in_float"] else ""
        to_keras = "equal" if p["psnr_to_keras"] is None else f"{p['psnr_to_keras']:.1f} dB"
        share = "" if entry["xnnpack"] is None else f"{entry['xnnpack']:.0%}"
        lines.append(
            f"| {name} | {entry['size'] / 2**20:.1f} MiB | {p['seconds']:.3f} s for {p['timed']} px "
            f"({p['seconds'] / entry['keras_seconds']:.2f}) | {p['max_difference']:.1e} | {to_keras} | "
            f"{p['psnr']:.2f} ({entry['psnr_change']:+.3f}) dB | {_worst(p)} | {share} |"
        )
    return "\n".join(lines)


def _worst(proof: dict) -> str:
    """The worst natural image, and the worst of flat areas and noise; empty for an entry of an earlier version."""
    found = []
    if proof.get("worst_image"):
        found.append(f"{proof['worst_image']} {proof['worst_image_change']:+.3f} dB")
    if proof.get("worst_pattern"):
        found.append(f"{proof['worst_pattern']} {255 * proof['worst_pattern_difference']:.2f}/255")
    return ", ".join(found)


def _entry(row: Row) -> dict:
    """A row as `report.json` has it: `None` where two images are equal and their PSNR infinite."""
    entry = dataclasses.asdict(row) | {"psnr_change": row.parity.psnr_change}
    found = {key: None if value == math.inf else value for key, value in entry.pop("parity").items()}
    return entry | {"proof": {"pictures": found.pop("images"), **found}}  # named so since the first version


def _artifacts(path: Path) -> list[dict]:
    """Those of an earlier report, none where there is none, or it is not understood."""
    try:
        artifacts = json.loads(path.read_text())["artifacts"]
        table(artifacts)
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return artifacts
