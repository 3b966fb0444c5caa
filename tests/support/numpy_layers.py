"""A generator's layers as NumPy functions, and the random weights and images that both are given."""

import numpy as np


def image(height=5, width=7, batch=1):
    return np.random.default_rng(0).uniform(size=(batch, height, width, 3)).astype(np.float32)


def randomized(model):
    """The model with every weight drawn anew, biases, slopes and BatchNorm's variances included."""
    rng = np.random.default_rng(3)
    for variable in model.variables:
        variable.assign(
            rng.uniform(0.5, 1.5, variable.shape) if "variance" in variable.path else rng.normal(0, 0.3, variable.shape)
        )
    return model


def pointwise(model):
    """The model with only the centre of its kernels left, so that every pixel is worked out on its own."""
    for variable in randomized(model).variables:
        if variable.path.endswith("kernel") and variable.shape[0] > 1:
            centre = np.zeros(variable.shape)
            middle = variable.shape[0] // 2
            centre[middle, middle] = variable.numpy()[middle, middle]
            variable.assign(centre)
    return model


class Layers:
    """A pointwise model's layers as NumPy functions of [height, width, channels]."""

    def __init__(self, model):
        self._model = model

    def conv(self, x, name):
        layer = self._model.get_layer(name)
        middle = layer.kernel.shape[0] // 2
        return x @ layer.kernel.numpy()[middle, middle] + layer.bias.numpy()

    def norm(self, x, name):
        gamma, beta, mean, variance = (w.numpy() for w in self._model.get_layer(name).variables)
        return gamma * (x - mean) / np.sqrt(variance + 1e-5) + beta

    def prelu(self, x, name):
        return np.where(x > 0, x, self._model.get_layer(name).alpha.numpy() * x)


def shuffled(x, factor):
    """[h, w, factor^2 c] -> [factor h, factor w, c]."""
    height, width, channels = x.shape
    blocks = x.reshape(height, width, factor, factor, channels // factor**2).transpose(0, 2, 1, 3, 4)
    return blocks.reshape(height * factor, width * factor, -1)
