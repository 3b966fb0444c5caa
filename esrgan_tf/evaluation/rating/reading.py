"""Reads what raters have answered: mean opinion scores, how sure they are, and who answered at random."""

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from esrgan_tf.atomic import replacing
from esrgan_tf.errors import InputError, first_line
from esrgan_tf.evaluation.rating.making import ORIGINAL
from esrgan_tf.evaluation.report import COLUMNS
from esrgan_tf.evaluation.systems import BICUBIC

SCORES = (1, 2, 3, 4, 5)
FIELDS = ("rater", "seed", "position", "trial", "score", "seconds")
_RESAMPLES = 2000  # of the bootstrap
_INTERVAL = (2.5, 97.5)  # percent


@dataclass(frozen=True)
class Key:
    """Which output is whose: the systems in order, and of each file its image, system and measures."""

    systems: tuple[str, ...]
    image: dict[str, str]
    system: dict[str, str]
    metrics: dict[str, dict[str, float]]


@dataclass(frozen=True)
class Score:
    """A system's mean opinion score, its 95 % interval, how many ratings it is of, and the means of its measures."""

    system: str
    mean: float
    low: float
    high: float
    ratings: int
    metrics: dict[str, float]


@dataclass(frozen=True)
class Rating:
    """What raters have said.

    Args:
        scores: a row a system, in the key's order.
        raters: names of those that count.
        failed: names of those that do not, since they rate the anchor, bicubic, as high as the originals, or higher.
        agreement: Krippendorff's alpha of those that count (interval scale): 1 is agreement, 0 is chance; `None` of one
            rater alone.
        correlations: by measure, Spearman's correlation of outputs' mean scores with it, the originals left out.
    """

    scores: tuple[Score, ...]
    raters: tuple[str, ...]
    failed: tuple[str, ...]
    agreement: float | None
    correlations: dict[str, float]


def read_key(path: str | Path) -> Key:
    """Read the key of a page.

    Raises:
        InputError: it is none.
    """
    try:
        found = json.loads(Path(path).read_text())
        trials = found["trials"]
        return Key(
            tuple(found["systems"]),
            {file: trial["image"] for file, trial in trials.items()},
            {file: trial["system"] for file, trial in trials.items()},
            {file: trial["metrics"] for file, trial in trials.items()},
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"`key` must be the .key.json beside the page. Received: {path}: {first_line(error)}"
        ) from error


def read_answers(paths: Sequence[str | Path], key: Key) -> dict[tuple[str, str], int]:
    """Read raters' CSV files.

    Args:
        paths: the files.
        key: of the page.

    Returns:
        (rater, trial) -> score, 1 to 5; of two answers of one rater to one trial the later one.

    Raises:
        InputError: a file is none, or of another page; or there is no answer.
    """
    answers, seeds = {}, {}
    for path in paths:
        try:
            with Path(path).open(newline="", encoding="utf-8-sig") as file:
                rows = list(csv.DictReader(file))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise InputError(f"`{path}` must be a rater's CSV file. Received: {first_line(error)}") from error
        for number, row in enumerate(rows, 2):
            if set(FIELDS) - set(row):
                raise InputError(
                    f"`{path}` must have the columns {', '.join(FIELDS)}. Received: {', '.join(map(str, row))}."
                )
            if row["trial"] not in key.system:
                raise InputError(f"`{path}`, line {number}, must be of the key's page. Received: trial {row['trial']}.")
            if row["score"] not in map(str, SCORES):
                raise InputError(f"`{path}`, line {number}, must have a score of 1 to 5. Received: {row['score']}.")
            if seeds.setdefault(row["rater"], row["seed"]) != row["seed"]:
                raise InputError(
                    f"`{path}`, line {number}, must not be of a second rater of one name: rename one. Received: "
                    f"{row['rater']}."
                )
            answers[row["rater"], row["trial"]] = int(row["score"])
    if not answers:
        raise InputError("there must be answers. Received: none.")
    return answers


def rate(answers: dict[tuple[str, str], int], key: Key, keep_failed: bool = False, seed: int = 0) -> Rating:
    """Mean opinion scores with bootstrap intervals.

    Args:
        answers: as `read_answers` gives them.
        key: of the page.
        keep_failed: count raters that fail the anchors as well.
        seed: of the bootstrap.

    Raises:
        InputError: no rater is left.
    """
    raters = sorted({rater for rater, _ in answers})
    failed = [] if keep_failed else [rater for rater in raters if _fails(answers, key, rater)]
    raters = [rater for rater in raters if rater not in failed]
    if not raters:
        raise InputError("there must be a rater who rates the originals above bicubic. Received: none.")
    images, trials = sorted(set(key.image.values())), list(key.system)
    # [raters, trials], NaN where there is no answer.
    table = np.array([[answers.get((rater, trial), np.nan) for trial in trials] for rater in raters], float)
    owners, places = (np.array([of[trial] for trial in trials]) for of in (key.system, key.image))
    means = {system: _mean(table[:, owners == system]) for system in key.systems}
    # [raters, images, systems]: the sum of the answers, and how many there are.
    cells = np.array([[(owners == system) & (places == image) for system in key.systems] for image in images], float)
    answered = np.isfinite(table).astype(float)
    sums, counts = (np.einsum("rt,ist->ris", values, cells) for values in (np.nan_to_num(table), answered))
    # Both raters and images are drawn anew: the interval is for other people and other images.
    rng = np.random.default_rng(seed)
    drawn_raters, drawn_images = (
        rng.multinomial(number, [1 / number] * number, _RESAMPLES) for number in (len(raters), len(images))
    )
    total, number = (np.einsum("br,ris,bi->bs", drawn_raters, values, drawn_images) for values in (sums, counts))
    drawn = dict(zip(key.systems, np.where(number > 0, total / np.maximum(number, 1), np.nan).T, strict=True))
    scores = []
    for system in key.systems:
        low, high = np.nanpercentile(drawn[system], _INTERVAL)
        ratings = int(np.isfinite(table[:, owners == system]).sum())
        scores.append(Score(system, means[system], float(low), float(high), ratings, _metrics(key, system)))
    return Rating(tuple(scores), tuple(raters), tuple(failed), agreement(table), _correlations(table, trials, key))


def agreement(table: np.ndarray) -> float | None:
    """Krippendorff's alpha with the interval scale's difference; `None` where nothing was rated twice.

    Source: Krippendorff, "Computing Krippendorff's alpha-reliability" (2011): 1 - D_observed / D_expected.

    Args:
        table: float [raters, outputs], NaN where there is no answer.
    """
    columns = [column[np.isfinite(column)] for column in table.T]
    columns = [column for column in columns if len(column) > 1]
    if not columns:
        return None
    values = np.concatenate(columns)
    observed = sum(_squared_differences(column) / (len(column) - 1) for column in columns) / len(values)
    expected = _squared_differences(values) / (len(values) * (len(values) - 1))
    return float(1 - observed / expected) if expected else 1.0


def write_scores(path: str | Path, rating: Rating) -> None:
    """Write a row a system as CSV; the file appears whole or not at all."""
    measures = list(dict.fromkeys(name for score in rating.scores for name in score.metrics))
    with replacing(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["system", "mos", "low", "high", "ratings", *measures])
        for score in rating.scores:
            metrics = [score.metrics.get(name, "") for name in measures]
            writer.writerow([score.system, score.mean, score.low, score.high, score.ratings, *metrics])


def draw_scores(path: str | Path, rating: Rating) -> None:
    """Draw the mean opinion scores with their intervals as PNG.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
        OSError: the file cannot be written.
    """
    from matplotlib.figure import Figure  # of the extra `plot`

    figure = Figure(figsize=(7, 1 + 0.5 * len(rating.scores)), layout="constrained")
    axes = figure.add_subplot()
    for place, score in enumerate(reversed(rating.scores)):
        around = [[score.mean - score.low], [score.high - score.mean]]
        axes.errorbar(score.mean, place, xerr=around, fmt="o", color="C0", capsize=4)
    axes.set_yticks(range(len(rating.scores)), [score.system for score in reversed(rating.scores)])
    axes.set(xlim=(SCORES[0], SCORES[-1]), xlabel="mean opinion score, 95 % interval (more is better)")
    axes.grid(axis="x", alpha=0.3)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)


def table_of(rating: Rating) -> str:
    """A Markdown table: a row a system, its measures beside its score, and how the two go together."""
    measures = [name for name in COLUMNS if any(name in score.metrics for score in rating.scores)]
    titles = ["system", "MOS", "95 % interval", "ratings", *(COLUMNS[name][0] for name in measures)]
    lines = ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]
    for score in rating.scores:
        cells = [score.system, f"{score.mean:.2f}", f"{score.low:.2f} to {score.high:.2f}", str(score.ratings)]
        for name in measures:
            cells.append(f"{score.metrics[name]:.{COLUMNS[name][1]}f}" if name in score.metrics else "-")
        lines.append("| " + " | ".join(cells) + " |")
    found = [f"{rating.correlations[name]:+.2f}" if name in rating.correlations else "-" for name in measures]
    lines.append("| " + " | ".join(["Spearman's correlation with the score", "", "", "", *found]) + " |")
    return "\n".join(lines)


def _fails(answers: dict[tuple[str, str], int], key: Key, rater: str) -> bool:
    """Whether a rater does not rate the originals above the anchor."""
    scores = {name: [] for name in (ORIGINAL, BICUBIC)}
    for (who, trial), score in answers.items():
        if who == rater and key.system[trial] in scores:
            scores[key.system[trial]].append(score)
    return not all(scores.values()) or np.mean(scores[ORIGINAL]) <= np.mean(scores[BICUBIC])


def _mean(scores: np.ndarray) -> float:
    """The mean of the answers that there are; NaN of none."""
    given = scores[np.isfinite(scores)]
    return float(given.mean()) if given.size else float("nan")


def _metrics(key: Key, system: str) -> dict[str, float]:
    """The means of a system's measures over its outputs."""
    rows = [key.metrics[trial] for trial, owner in key.system.items() if owner == system]
    names = set(rows[0]).intersection(*rows)
    return {name: float(np.mean([row[name] for row in rows])) for name in names}


def _correlations(table: np.ndarray, trials: Sequence[str], key: Key) -> dict[str, float]:
    """Spearman's correlation of outputs' mean scores with each measure that all but the originals have."""
    columns = [place for place, trial in enumerate(trials) if key.system[trial] != ORIGINAL]
    scores = np.array([_mean(table[:, place]) for place in columns])
    rated = np.isfinite(scores)
    found = {}
    for name in COLUMNS:
        values = np.array([key.metrics[trials[place]].get(name, np.nan) for place in columns])
        if rated.sum() > 2 and np.isfinite(values).all() and np.ptp(values[rated]) and np.ptp(scores[rated]):
            found[name] = float(spearmanr(scores[rated], values[rated]).statistic)
    return found


def _squared_differences(values: np.ndarray) -> float:
    """The sum over ordered pairs of their squared differences."""
    return float(2 * (len(values) * (values**2).sum() - values.sum() ** 2))
