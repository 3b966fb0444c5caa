"""Numbers that come from elsewhere: Ma's scores as a table, LPIPS as a Keras model."""

import csv
import math
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

import numpy as np

from esrgan_tf.errors import InputError, first_line


def read_ma_scores(path: str | Path, systems: Iterable[str], images: Iterable[str]) -> dict[tuple[str, str], float]:
    """Read Ma's scores (Ma, Yang, Yang, Yang, 2017), which belong to each system's outputs.

    Args:
        path: CSV with a first line `image,score`, or `image,score,model` where several systems are measured
            (`picture` stands for `image` as well); images with or without suffix, models by their names in the table.
        systems: their names.
        images: their names without suffix.

    Returns:
        The score of each system and image; others in the file are left out.

    Raises:
        InputError: no such file, not such a table, or a score is missing.
    """
    systems = list(systems)
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file, skipinitialspace=True)
            columns, rows = table.fieldnames or [], list(table)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"`ma_scores` {path} must be a CSV file image,score. Received: {first_line(error)}."
        ) from error
    image_column = "image" if "image" in columns else "picture"  # as `write_report` names it
    wanted = {image_column, "score"} | ({"model"} if len(systems) > 1 else set())
    if not wanted <= set(columns):
        raise InputError(
            f"`ma_scores` {path} must begin with the line image,score (and model, where several are measured). "
            f"Received: {','.join(columns) or 'nothing'}."
        )
    scores = {(row.get("model") or systems[0], row[image_column]): row["score"] for row in rows}
    found = {}
    for system in systems:
        for image in images:
            named = _scores_of(image, {name: text for (model, name), text in scores.items() if model == system})
            if len(named) != 1:
                received = "none" if not named else f"{len(named)} of them"
                raise InputError(
                    f"`ma_scores` {path} must hold one score of {image} by {system}. Received: {received}."
                )
            found[system, image] = _number(named[0], path)
    return found


def load_lpips(path: str | Path) -> Callable[[np.ndarray, np.ndarray], float]:
    """Read an LPIPS model (Zhang et al., arXiv:1801.03924), such as `esrgan convert` writes.

    Args:
        path: `.keras` with two inputs, float32 [n, h, w, 3] in 0..1, and one output, the distances [n].

    Returns:
        Two images, float32 [h, w, 3] in 0..1 -> their distance; raises InputError for images that are too small.

    Raises:
        InputError: no such file, or no such model.
    """
    import keras
    import tensorflow as tf

    if not Path(path).is_file():
        raise InputError(f"`lpips_weights` must be a .keras file. Received: {path}, which is not there.")
    try:
        model = keras.saving.load_model(path, compile=False)
    except (ValueError, TypeError, KeyError, OSError, zipfile.BadZipFile) as error:
        raise InputError(f"`lpips_weights` {path} cannot be read as a .keras model: {first_line(error)}") from error
    tensors = (*(getattr(model, "inputs", None) or ()), *(getattr(model, "outputs", None) or ()))
    shapes = [tuple(tensor.shape) for tensor in tensors]
    if [len(shape) for shape in shapes] != [4, 4, 1]:
        raise InputError(f"`lpips_weights` {path} must take two images and give [n]. Received: a model of {shapes}.")
    # One trace for every size.
    signature = [tf.TensorSpec([1, None, None, 3], tf.float32)] * 2
    run = tf.function(lambda a, b: model([a, b], training=False), input_signature=signature)

    def distance(a_01: np.ndarray, b_01: np.ndarray) -> float:
        failed = f"LPIPS cannot be had of {a_01.shape[1]} x {a_01.shape[0]} px: leave out `lpips_weights`. Received: "
        try:
            found = float(run(a_01[None], b_01[None])[0])
        except tf.errors.OpError as error:  # of another kind on every device
            raise InputError(failed + first_line(error)) from error
        if not math.isfinite(found):
            raise InputError(f"{failed}{found}.")
        return found

    return distance


def _scores_of(image: str, scores: dict[str, str]) -> list[str]:
    """The scores under an image's name, with or without suffix, or else under a path that ends in it."""
    exact = [text for name, text in scores.items() if image in (name, name.removesuffix(PurePosixPath(name).suffix))]
    return exact or [text for name, text in scores.items() if image == Path(name).stem]


def _number(text: str | None, path: str | Path) -> float:
    """A score; raises InputError for what is none."""
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"`ma_scores` {path} must hold numbers as scores. Received: {text}.")
    return value
