"""A stage's folder: its files, and `recipe.json`, which records what really ran."""

import json
import platform
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from esrgan_tf import __version__
from esrgan_tf.atomic import replacing
from esrgan_tf.errors import InputError
from esrgan_tf.formats.keras_file.locate import GENERATOR_FILE
from esrgan_tf.recipes.configs import STAGES, Recipe
from esrgan_tf.recipes.overrides import from_tree
from esrgan_tf.zoo.cards import MEMBERS

# What may differ, of a stage, when its run is resumed.
MAY_CHANGE = ("steps", "validate_every", "log_every", "learning_rate", "max_nonfinite_steps", "max_rollbacks")
PROSE = ("paper", "section", "command", "published")
MAY_CHANGE_BESIDES = ("perceptual.download", "data.max_skipped_share")  # of the recipe
USED_WITH = {"discriminator": "adversarial_weight", "perceptual": "perceptual_weight"}  # part of a recipe: its weight
IDENTIFYING = ("data", "seed", "precision", "init_from", "training_pictures_digest")  # besides the recipe
VERSIONED = ("tensorflow", "keras", "numpy", "pillow")


@dataclass(frozen=True)
class StageFolder:
    """`<workdir>/<stage>/` and what lies in it."""

    workdir: Path
    stage: str

    @property
    def path(self) -> Path:
        """The folder."""
        return self.workdir / self.stage

    @property
    def best(self) -> Path:
        """The generator that was best on validation."""
        return self.path / GENERATOR_FILE

    @property
    def last(self) -> Path:
        """The generator after the last validated step."""
        return self.path / "generator_last.keras"

    @property
    def checkpoints(self) -> Path:
        """Everything that training resumes from."""
        return self.path / "checkpoints"

    @property
    def logs(self) -> Path:
        """TensorBoard's files."""
        return self.path / "logs"

    @property
    def images(self) -> Path:
        """Validation panels."""
        return self.path / "pictures"

    @property
    def nonfinite(self) -> Path:
        """Reports on steps that were not finite, where training stopped by them."""
        return self.path / "nonfinite"

    @property
    def metrics(self) -> Path:
        """A row a validation."""
        return self.path / "metrics.csv"

    @property
    def record(self) -> Path:
        """What really ran."""
        return self.path / "recipe.json"


def start_record(folder: StageFolder, recipe: Recipe, run: dict[str, Any], write: bool = True) -> None:
    """Write `recipe.json`, unless the work directory holds a run of something else.

    Args:
        folder: of the stage.
        recipe: as it will run, overrides applied.
        run: what the recipe does not say: data, seed, precision, devices, ...
        write: `False` where another process does: then only what is there is looked at.

    Raises:
        InputError: the folder holds another run; the first field that differs is named.
        OSError: the file cannot be written.
    """
    record = {
        "stage": folder.stage,
        **run,
        "recipe": asdict(recipe),
        "versions": {
            "esrgan_tf": __version__,
            **{name: version(name) for name in VERSIONED},
            "python": platform.python_version(),
        },
    }
    # Before the first checkpoint there is nothing to resume, and nothing to lose.
    if folder.record.exists() and (folder.checkpoints.exists() or folder.best.exists()):
        _check_same_run(folder, record)
    if not write:
        return
    folder.path.mkdir(parents=True, exist_ok=True)
    with replacing(folder.record) as temporary:
        Path(temporary).write_text(json.dumps(record, indent=2) + "\n")


def _check_same_run(folder: StageFolder, record: dict[str, Any]) -> None:
    """Raise unless the record on disk, perhaps of an older version, and this one are of the same run."""
    before = _read_record(folder.record)
    # As JSON has it: tuples are lists.
    old, new = (_identity(json.loads(json.dumps(r)), folder.stage) for r in (before, record))
    for name in IDENTIFYING:
        if name not in before:  # not recorded then: nothing to compare
            del old[name], new[name]
    for key in (*new, *sorted(old.keys() - new.keys())):
        if old.get(key) != new.get(key):
            raise InputError(
                f"`workdir` {folder.workdir} holds another run: its {key} is {old.get(key)!r}, this one's is "
                f"{new.get(key)!r}. Choose another `workdir`, or remove {folder.path}."
            )


def _read_record(path: Path) -> dict[str, Any]:
    """A record from disk; recipe fields that it lacks, because they are newer than it, have their defaults.

    Raises:
        InputError: it is damaged, or its recipe is none of this version's.
    """
    try:
        record = json.loads(path.read_text())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"`{path}` cannot be read ({error}): choose another `workdir`.") from error
    if not isinstance(record, dict):
        raise InputError(f"`{path}` must be an object of fields: choose another `workdir`. Received: {record!r}.")
    try:
        recipe = from_tree(Recipe, record.get("recipe"), str(path))
    except InputError as error:
        raise InputError(
            f"{error} It was written by esrgan_tf {record.get('versions', {}).get('esrgan_tf', 'of unknown version')}, "
            f"this is {__version__}: continue with that version, or choose another `workdir`."
        ) from error
    return record | {"recipe": asdict(recipe)}


def _identity(record: dict[str, Any], stage: str) -> dict[str, Any]:
    """What makes a run the same run, by dotted names, the most telling first: recipe, scale, data, then the rest."""
    recipe = record["recipe"]
    config = recipe[stage] or {}
    left_out = {*PROSE, *STAGES} - {stage}
    left_out |= {part for part, weight in USED_WITH.items() if not config.get(weight)}
    recipe = {key: value for key, value in recipe.items() if key not in left_out}
    flat = _flatten(recipe, "")
    record = record | {"init_from": _place(record.get("init_from"))}
    first = {"recipe": flat.pop("name"), "generator.scale": flat.pop("generator.scale")}
    flat = first | {name: record.get(name) for name in IDENTIFYING} | flat
    free = {*MAY_CHANGE_BESIDES, *(f"{stage}.{name}" for name in MAY_CHANGE)}
    return {key: value for key, value in flat.items() if key not in free}


def _place(init_from: str | None) -> str | None:
    """Where a first generator lies, but for what may be moved.

    That is the psnr stage's own, of which its place in the work directory is given, and a member of the zoo, which any
    installation has, in a file of its own time: its name.
    """
    parts, own = Path(init_from or "").parts, StageFolder(Path(), "psnr").best
    if parts[-len(own.parts) :] == own.parts:
        return str(own)
    return Path(init_from).stem if parts[-3:-1] == MEMBERS.parts[-2:] else init_from


def _flatten(tree: dict[str, Any], prefix: str) -> dict[str, Any]:
    """Nested dictionaries -> one of dotted names."""
    flat = {}
    for key, value in tree.items():
        flat |= _flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat
