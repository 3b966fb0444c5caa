"""A functional model's graph, in an order in which it can be computed."""

from typing import NamedTuple

import keras

from esrgan_tf import compat


class Step(NamedTuple):
    """A map, the operation that makes it, and the maps that it is made of, which all come before it."""

    output: keras.KerasTensor
    operation: keras.Operation
    inputs: list[keras.KerasTensor]


def steps_in_order(model: keras.Model) -> list[Step]:
    """Lists what computes a functional model's output.

    Args:
        model: with one output; each of its operations has one.
    """
    found: dict[int, Step] = {}
    waiting = [model.output]
    while waiting:
        operation, inputs = compat.producer(waiting[-1])
        lacking = [x for x in inputs if id(x) not in found]
        if lacking:
            waiting += lacking
        else:
            x = waiting.pop()
            found.setdefault(id(x), Step(x, operation, inputs))
    return list(found.values())
