"""Records as a source: which of their sub-images are trained on, and which are validated on."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from esrgan_tf.data.records.index import Records, open_records
from esrgan_tf.data.records.sub_images import HR, lr_kind
from esrgan_tf.data.source import Element, Request, Source, held_out_numbers
from esrgan_tf.errors import InputError

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class RecordsSource(Source):
    """Sub-images of records; an element has the `number` of one, and the name of the image that it was cut from.

    `names` are images; the stream, and what is held out, have one sub-image of each. Training does not read the stream,
    but all sub-images, see `random_access`.

    Args:
        records: from which is read.
        numbers: of all sub-images trained on, int64 [n].
    """

    records: Records = field(kw_only=True)
    numbers: np.ndarray = field(kw_only=True)

    def load(self, element: Element) -> "tuple[tf.Tensor, tf.Tensor]":
        """Element -> (hr, lr), uint8 [crop, crop, 3] and [crop / scale, crop / scale, 3]."""
        return self._read(element, HR), self._read(element, lr_kind(self.scale))

    def load_hr(self, element: Element) -> "tf.Tensor":
        """Element -> hr, uint8 [crop, crop, 3]."""
        return self._read(element, HR)

    def _read(self, element: Element, kind: str) -> "tf.Tensor":
        """One sub-image of an element."""
        import tensorflow as tf

        side = self.records.cutting.sides[kind]
        image = tf.numpy_function(lambda number: self.records.read(kind, number), [element["number"]], tf.uint8)
        return tf.ensure_shape(image, [side, side, 3])

    @property
    def identity(self) -> tuple[str, ...]:
        """The images' names, and the checksums of what was made of them."""
        return *self.names, *(file.sha256 for shard in self.records.shards for file in shard.files.values())

    @property
    def test_images(self) -> dict[str, str]:
        """Those that were known when the records were made."""
        return {name: found for name, found in self.records.test_images.items() if name in set(self.names)}


def open_records_source(request: Request) -> list[Source]:
    """Open a folder of `esrgan prepare`; whole images are held out, each by the sub-image in its middle.

    Raises:
        InputError: the records are not finished or damaged, their sub-images are too small or asked for in several
            sizes, or they have no LR of the scale and no degradation makes it.
    """
    records = open_records(request.text, request.argument)
    _check(records, request)
    names = list(records.images)
    held_out = [names[number] for number in held_out_numbers(len(names), request.config)]
    train = [] if request.held_out_only else [name for name in names if name not in set(held_out)] or held_out
    numbers = np.concatenate([records.images[name] for name in train] or [np.zeros(0, np.int64)])

    def stream(seed: int) -> "tf.data.Dataset":
        import tensorflow as tf

        elements = tf.data.Dataset.from_tensor_slices({"name": train, "number": _middles(records, train)})
        return elements.shuffle(len(train), seed=seed, reshuffle_each_iteration=True).repeat()

    return [
        RecordsSource(
            name=request.part,
            names=tuple(train),
            stream=stream,
            read=_made,
            scale=request.scale,
            held_out=_elements(held_out, _middles(records, held_out)),
            left_out=records.left_out,
            records=records,
            numbers=numbers,
        )
    ]


def _check(records: Records, request: Request) -> None:
    """Refuse records that do not fit what is asked for."""
    cutting, named = records.cutting, f"`{request.argument}={request.part}`"
    if request.config.multiscale and not request.held_out_only:
        raise InputError(f"`data.multiscale` must be empty for {named}, whose sub-images have one size.")
    if cutting.crop < request.smallest:
        raise InputError(
            f"{named} must hold sub-images of at least {request.smallest} px: use a smaller `hr_patch`, or prepare the "
            f"images again with a larger crop. Received: {cutting.crop} px."
        )
    made_by_degradation = request.config.degradation and cutting.crop % request.scale == 0
    if request.scale not in cutting.scales and not made_by_degradation:
        raise InputError(
            f"{named} holds LR sub-images for the scales {', '.join(map(str, cutting.scales))}: prepare the images "
            f"again with this one. Received: `scale={request.scale}`."
        )


def _middles(records: Records, names: list[str]) -> list[int]:
    """Number of the sub-image in the middle of each image's."""
    return [int(records.images[name][len(records.images[name]) // 2]) for name in names]


def _elements(names: list[str], numbers: list[int]) -> tuple[Element, ...]:
    """One element a name."""
    import tensorflow as tf

    return tuple(
        {"name": tf.constant(name), "number": tf.constant(number, tf.int64)}
        for name, number in zip(names, numbers, strict=True)
    )


def _made(element: Element) -> "tuple[tf.Tensor, tf.Tensor]":
    """What `Source.read` gives of images whose LR was made, as of those that will be: no LR of their own."""
    import tensorflow as tf

    return tf.constant(""), tf.constant("")
