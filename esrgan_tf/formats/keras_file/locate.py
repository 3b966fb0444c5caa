"""Which generator file a work directory means: found without Keras."""

from pathlib import Path

from esrgan_tf.errors import InputError

GENERATOR_FILE = "generator.keras"  # of a stage: best on validation
STAGES_BEST_FIRST = ("gan", "psnr")


def find_generator(path: str | Path, argument: str = "model") -> Path:
    """The generator file that `model` means.

    Args:
        path: a `.keras` file, a stage's folder, or a work directory (the gan stage's generator, else the psnr
            stage's).
        argument: where it was given, for messages.

    Raises:
        InputError: there is none.
    """
    path = Path(path)
    for candidate in (path, *_candidates(path)):
        if candidate.is_file():
            return candidate
    raise InputError(f"`{argument}` must be a .keras file or a work directory with a generator. Received: {path}.")


def holds_generator(folder: Path) -> bool:
    """Whether a folder is a work directory or a stage's folder with a generator."""
    return any(candidate.is_file() for candidate in _candidates(folder))


def _candidates(folder: Path) -> list[Path]:
    """Where a folder's generator may be, best first."""
    return [folder / GENERATOR_FILE, *(folder / stage / GENERATOR_FILE for stage in STAGES_BEST_FIRST)]
