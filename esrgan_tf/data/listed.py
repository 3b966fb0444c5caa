"""Sources whose images are all known beforehand, as lists of paths or of encoded images."""

from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf

from esrgan_tf.data.source import Element, Source

Columns = Mapping[str, Sequence]  # `name`, `hr` and `lr`, each of one length: elements as columns


def listed_source(
    name: str,
    names: Sequence[str],
    train: Columns,
    held_out: Columns,
    read: Callable[[Element], tuple[tf.Tensor, tf.Tensor]],
    scale: int,
    left_out: tuple[str, ...] = (),
) -> Source:
    """A source that is shuffled as a whole in every epoch.

    Args:
        name: of the source.
        names: of the images trained on.
        train: elements to train on.
        held_out: elements to validate on.
        read: `read_files` where `hr` and `lr` are paths, `read_encoded` where they are encoded images.
        scale: HR size / LR size.
        left_out: a line for each image that cannot be used.
    """

    def stream(seed: int) -> tf.data.Dataset:
        elements = tf.data.Dataset.from_tensor_slices(dict(train))
        return elements.shuffle(len(train["name"]), seed=seed, reshuffle_each_iteration=True).repeat()

    return Source(name, tuple(names), stream, read, scale, _rows(held_out), left_out)


def read_files(element: Element) -> tuple[tf.Tensor, tf.Tensor]:
    """Element of paths -> (hr, lr), encoded."""
    lr = tf.cond(tf.equal(element["lr"], ""), lambda: "", lambda: tf.io.read_file(element["lr"]))
    return tf.io.read_file(element["hr"]), lr


def read_encoded(element: Element) -> tuple[tf.Tensor, tf.Tensor]:
    """Element of encoded images -> (hr, lr), encoded."""
    return element["hr"], element["lr"]


def read_encoded_hr(element: Element) -> tuple[tf.Tensor, tf.Tensor]:
    """Element of encoded images -> (hr, ""), encoded."""
    return element["hr"], tf.constant("")


def _rows(columns: Columns) -> tuple[Element, ...]:
    """Columns -> one element each."""
    return tuple({key: tf.constant(values[i]) for key, values in columns.items()} for i in range(len(columns["name"])))
