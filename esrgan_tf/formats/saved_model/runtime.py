"""Generators run as SavedModels written by `esrgan export`."""

from pathlib import Path

import numpy as np

from esrgan_tf.errors import InputError, first_line
from esrgan_tf.formats.network import Network, check_alpha
from esrgan_tf.formats.saved_model.versions import find_version
from esrgan_tf.metadata import METADATA_FILE, GeneratorMetadata

ASSERTION = "assertion failed: "  # before the message of a check in the graph


def saved_model_network(path: str | Path, alpha: float | None = None) -> Network:
    """A SavedModel as a network, by its endpoint `serving_default`.

    Args:
        path: a version's folder, or the folder of versions, of which the highest is taken.
        alpha: 0 (psnr) to 1 (gan), for a SavedModel of two generators.

    Raises:
        InputError: no SavedModel of this package, a damaged one, or as `check_alpha`.
    """
    import tensorflow as tf  # here: a SavedModel's metadata is read without it

    folder = find_version(path)
    metadata = read_metadata(folder)
    check_alpha(metadata.takes_alpha, alpha, str(path))
    try:
        loaded = tf.saved_model.load(str(folder))
    except (OSError, ValueError, tf.errors.OpError) as error:
        raise InputError(f"`{folder}` cannot be loaded as a SavedModel: {first_line(error)}") from error
    more = {} if alpha is None else {"alpha": tf.constant([alpha], tf.float32)}

    def run(rgb_01: np.ndarray) -> np.ndarray:
        try:  # by way of `loaded`: its variables are gone with it
            return loaded.signatures["serving_default"](image=tf.constant(rgb_01[None]), **more)["sr"][0].numpy()
        except tf.errors.ResourceExhaustedError as error:
            raise MemoryError(str(error)) from error
        except tf.errors.OpError as error:
            reason = error.message.split(ASSERTION)[-1].splitlines()[0]
            raise InputError(f"`{folder}` refused an image: {reason}") from error

    return Network(metadata, run, str(folder))


def read_metadata(path: str | Path) -> GeneratorMetadata:
    """The metadata of a SavedModel.

    Raises:
        InputError: it was not written by this package.
    """
    asset = find_version(path) / "assets" / METADATA_FILE
    return GeneratorMetadata.from_json(asset.read_bytes() if asset.is_file() else b"", str(path))
