"""Members of the zoo, which come with this package: named as they are, without a path."""

from pathlib import Path
from typing import TYPE_CHECKING

from esrgan_tf.formats import tflite
from esrgan_tf.formats.format import Format
from esrgan_tf.formats.network import Network
from esrgan_tf.zoo.cards import is_member, read_card, read_verified

if TYPE_CHECKING:
    import keras


def _locate(path: Path, argument: str) -> Path:
    return read_card(path.stem).file


def _load(path: Path, argument: str) -> "keras.Model":
    from esrgan_tf.zoo.weights import load_member

    return load_member(path.stem)


def _ready(path: Path) -> Network:
    card = read_card(path.stem)
    read_verified(card.file, card.sha256)
    return tflite.FORMAT.open(card.file, None)


FORMAT = Format(
    name="zoo",
    title="a name of `esrgan zoo`",
    recognises=is_member,
    locate=_locate,
    load=_load,
    ready=_ready,
)
