"""What `data` and `val_data` name, opened as sources to train and to validate on."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from esrgan_tf.cache import cache_folder
from esrgan_tf.data.div2k import is_prepared
from esrgan_tf.data.folders import survey
from esrgan_tf.data.listed import listed_source, read_files
from esrgan_tf.data.registry import open_parts
from esrgan_tf.data.source import Files, Pair, Request, Source, held_out_numbers
from esrgan_tf.data.transcoding import COPIES
from esrgan_tf.log import Log, print_line
from esrgan_tf.metrics.psnr_ssim import smallest_side
from esrgan_tf.recipes.configs import DataConfig


def open_sources(
    data: str,
    config: DataConfig,
    scale: int,
    hr_patch: int,
    seed: int,
    argument: str = "data",
    log: Log = print_line,
) -> list[Source]:
    """Open everything that `data` names.

    Args:
        data: as `registry.parse_data` takes it.
        config: the recipe's data part.
        scale: HR size / LR size.
        hr_patch: px; smaller images are left out.
        seed: of the generated images.
        argument: where the images were given, for messages.
        log: takes lines about what takes time.

    Returns:
        The sources; `sample` is two, its photographs and its dead leaves.

    Raises:
        InputError: a part that is empty, named twice, cannot be had, or holds no image that fits.
    """
    return _open(data, Request(scale, hr_patch, config, seed, argument=argument, log=log))


def open_validation(
    data: str, scale: int, config: DataConfig | None = None, seed: int = 0, log: Log = print_line
) -> list[Source]:
    """Open `val_data`: what its parts hold out, or every image of a folder; none is trained on.

    Args:
        data: as `registry.parse_data` takes it.
        scale: HR size / LR size.
        config: the recipe's data part; `None` is its defaults.
        seed: of the generated images.
        log: takes lines about what takes time.

    Raises:
        InputError: as `open_sources`.
    """
    smallest = smallest_side(scale)
    config = config or DataConfig()
    return _open(data, Request(scale, smallest, config, seed, held_out_only=True, argument="val_data", log=log))


def default_data(scale: int) -> str:
    """What to train on where nothing is named: DIV2K if TFDS has it prepared, the sample otherwise."""
    return "div2k" if is_prepared(scale) else "sample"


def _open(data: str, request: Request) -> list[Source]:
    """Every part, files made streams."""
    return [_from_files(found, request) if isinstance(found, Files) else found for found in open_parts(data, request)]


def _from_files(files: Files, request: Request) -> Source:
    """Files -> source of those that can be used."""
    to_validate = files.pairs if files.held_out is None else files.held_out
    why = "`hr_patch`" if request.argument == "data" else "to be measured"
    pairs = to_validate if request.held_out_only else files.pairs
    found = survey(pairs, request.scale, request.smallest, why, request.argument)
    if found.copied:
        folder = cache_folder(COPIES)
        request.log(f"copied {found.copied} images that TensorFlow does not decode as PNG to {folder}")
    if request.held_out_only:
        train, held_out = (), found.pairs
    elif files.held_out is None:
        train, held_out = _hold_out(found.pairs, request.config)
    else:
        train, held_out = found.pairs, files.held_out
    names = [str(pair.hr) for pair in train]
    columns = (_columns(chosen, found.copies) for chosen in (train, held_out))
    return listed_source(files.name, names, *columns, read_files, request.scale, found.left_out)


def _hold_out(pairs: Sequence[Pair], config: DataConfig) -> tuple[Sequence[Pair], Sequence[Pair]]:
    """Pairs -> (to train on, held out), the latter evenly spread; a single image is both."""
    held_out = [pairs[number] for number in held_out_numbers(len(pairs), config)]
    return [pair for pair in pairs if pair not in held_out] or held_out, held_out


def _columns(pairs: Sequence[Pair], copies: Mapping[Path, Path]) -> dict[str, list[str]]:
    """Pairs -> lists of paths as strings, the original's as name; copies are decoded in place of originals."""
    return {
        "name": [str(pair.hr) for pair in pairs],
        "hr": [str(copies.get(pair.hr, pair.hr)) for pair in pairs],
        "lr": [str(copies.get(pair.lr, pair.lr or "")) for pair in pairs],
    }
