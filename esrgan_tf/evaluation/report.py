"""An evaluation as a table for people, and as CSV, JSON or Markdown."""

import csv
import io
import json
import math
from pathlib import Path

from esrgan_tf.atomic import replacing
from esrgan_tf.errors import InputError
from esrgan_tf.evaluation.evaluate import Evaluation

# Title and decimals of each measure, in the order of the columns.
COLUMNS = {
    "psnr": ("PSNR dB", 2),
    "ssim": ("SSIM", 4),
    "niqe": ("NIQE", 3),
    "ma": ("Ma", 3),
    "pi": ("PI", 3),
    "lpips": ("LPIPS", 4),
    "drift": ("drift", 3),
    "drift_kept": ("drift kept", 3),
}
SUFFIXES = (".csv", ".json", ".md")


def table(evaluation: Evaluation) -> str:
    """Aligned columns: a row an image and system, then the means; differences from the first system in brackets."""
    header, *rows = _cells(evaluation)
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    count = len(evaluation.systems)
    lines = [
        header,
        ["-" * width for width in widths],
        *rows[:-count],
        ["-" * width for width in widths],
        *rows[-count:],
    ]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def write_report(path: str | Path, evaluation: Evaluation, protocol: dict[str, object], notes: list[str]) -> None:
    """Write an evaluation in the format of the suffix; the file appears whole or not at all.

    CSV has a row an image and system, the means under `mean`, a column `..._difference` for each measure where there
    are several systems, and the protocol's fields in every row. JSON has no infinity: an infinite PSNR is null there.

    Args:
        path: ends in .csv, .json or .md.
        evaluation: what was measured.
        protocol: what it was measured with, by field.
        notes: the same for people, a line each.

    Raises:
        InputError: another suffix.
        OSError: it cannot be written.
    """
    check_suffix(path)
    writers = {".csv": _csv, ".json": _json, ".md": _markdown}
    text = writers[Path(path).suffix.lower()](evaluation, protocol, notes)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


def check_suffix(path: str | Path) -> None:
    """Raise InputError unless a report can be written to a file of this name."""
    if Path(path).suffix.lower() not in SUFFIXES:
        raise InputError(f"`output` must end in one of {', '.join(SUFFIXES)}. Received: {path}.")


def _cells(evaluation: Evaluation) -> list[list[str]]:
    """Header and rows as text, the means last."""
    keys = [key for key in COLUMNS if key in evaluation.rows[0].metrics]
    lines = [["image", "model", *(COLUMNS[key][0] for key in keys)]]
    for row, difference in evaluation.with_differences():
        lines.append([row.image, row.system, *(_cell(key, row.metrics, difference) for key in keys)])
    return lines


def _cell(key: str, metrics: dict[str, float], difference: dict[str, float]) -> str:
    """A number, and its difference in brackets where there is one."""
    decimals = COLUMNS[key][1]
    return f"{metrics[key]:.{decimals}f}" + (f" ({difference[key]:+.{decimals}f})" if difference else "")


def _records(evaluation: Evaluation) -> list[dict[str, object]]:
    """All rows as flat records, the means last."""
    return [
        {"picture": row.image, "model": row.system}
        | row.metrics
        | {f"{key}_difference": value for key, value in difference.items()}
        for row, difference in evaluation.with_differences()
    ]


def _csv(evaluation: Evaluation, protocol: dict[str, object], notes: list[str]) -> str:
    """Comma-separated, the protocol's fields in every row."""
    records = [record | protocol for record in _records(evaluation)]
    columns = dict.fromkeys(key for record in records[::-1] for key in record)  # the baseline has no differences
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue()


def _json(evaluation: Evaluation, protocol: dict[str, object], notes: list[str]) -> str:
    """The protocol, its notes, a record a row, and the means."""
    records = [{key: _finite(value) for key, value in record.items()} for record in _records(evaluation)]
    count = len(evaluation.systems)
    content = {"protocol": protocol, "notes": notes, "rows": records[:-count], "means": records[-count:]}
    return json.dumps(content, indent=2, allow_nan=False) + "\n"


def _markdown(evaluation: Evaluation, protocol: dict[str, object], notes: list[str]) -> str:
    """The notes as a list, and the table."""
    header, *rows = ["| " + " | ".join(line) + " |" for line in _cells(evaluation)]
    rule = "|" + "---|" * header.count(" | ") + "---|"
    return "\n".join([*(f"- {note}" for note in notes), "", header, rule, *rows, ""])


def _finite(value: object) -> object:
    """JSON knows neither infinity nor NaN."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
