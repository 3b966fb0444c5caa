"""Rematerialization (gradient checkpointing): maps are computed again for the gradient instead of kept until then."""

import itertools
import math
from collections.abc import Callable

import keras
from keras import ops

from esrgan_tf.models.graph import Step, steps_in_order

Maps = list[keras.KerasTensor]


def rematerialized(model: keras.Model) -> Callable[[keras.KerasTensor], keras.KerasTensor]:
    """Makes a generator's training call that keeps few of its maps for the gradient.

    Source: Chen, Xu, Zhang and Guestrin, "Training Deep Nets with Sublinear Memory Cost" (arXiv:1604.06174), section
    4.1: n operations make about sqrt(n) segments. Only the maps between segments are kept; a segment computes its own
    a second time when its gradient is due. Each is cut where the fewest channels are kept, which is between a deep
    network's blocks. Values are those of the model's own call, gradients too but for the order of their sums, and
    BatchNorm's statistics are updated once.

    Args:
        model: functional, with one input and one output; its layers and variables are shared, not copied.

    Returns:
        Function [batch, height, width, 3] -> the same as `model(images, training=True)`.
    """
    segments = [_Segment(inputs, outputs) for inputs, outputs in _segments(steps_in_order(model))]

    def call(images: keras.KerasTensor) -> keras.KerasTensor:
        values = {id(model.input): images}
        for segment in segments:
            outputs = segment([values[key] for key in segment.inputs])
            values |= zip(segment.outputs, outputs, strict=True)
        return values[id(model.output)]

    return call


class _Segment:
    """A part of a model, by the identities of its maps."""

    def __init__(self, inputs: Maps, outputs: Maps):
        self.inputs, self.outputs = [id(x) for x in inputs], [id(x) for x in outputs]
        self._model = keras.Model(inputs, outputs)

    def __call__(self, inputs: Maps) -> Maps:
        """The outputs of the inputs; updates what layers keep of a batch, such as BatchNorm's statistics."""
        weights, state = self._model.trainable_variables, self._model.non_trainable_variables
        before = [ops.convert_to_tensor(variable) for variable in state]
        maps = len(inputs)

        # Without side effects: it runs twice.
        def pure(*tensors: keras.KerasTensor) -> tuple[Maps, Maps]:
            outputs, after = self._model.stateless_call(tensors[maps:], before, list(tensors[:maps]), training=True)
            return keras.tree.flatten(outputs), after  # Keras gives a single output bare

        outputs, after = keras.remat(pure)(*inputs, *(ops.convert_to_tensor(weight) for weight in weights))
        for variable, value in zip(state, after, strict=True):
            variable.assign(value)
        return outputs


def _segments(steps: list[Step]) -> list[tuple[Maps, Maps]]:
    """(maps of earlier segments that it reads, maps that later ones read) of each segment."""
    last_read = {id(step.output): len(steps) for step in steps}
    last_read |= {id(x): number for number, step in enumerate(steps) for x in step.inputs}

    def kept(cut: int) -> Maps:
        return [step.output for step in steps[: cut + 1] if last_read[id(step.output)] > cut]

    def channels(cut: int) -> int:
        return sum(x.shape[-1] for x in kept(cut))

    window, end = math.isqrt(len(steps)), len(steps) - 1
    starts = range(window, end + 1 - window, window)
    cuts = [0, *(min(range(start, start + window), key=channels) for start in starts), end]  # 0: the model's input
    segments = []
    for first, last in itertools.pairwise(cuts):
        read = {id(x) for step in steps[first + 1 : last + 1] for x in step.inputs}
        made = {id(step.output) for step in steps[first + 1 : last + 1]}
        segments.append(([x for x in kept(first) if id(x) in read], [x for x in kept(last) if id(x) in made]))
    return segments
