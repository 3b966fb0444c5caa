"""A 3x3 convolution trained as three branches, which are one convolution whenever it is computed or deployed."""

import keras
import numpy as np
from keras import layers, ops

from esrgan_tf.models.layers.convolutions import Initialization, Initializers, apply_conv, torch_uniform


@keras.saving.register_keras_serializable("esrgan_tf")
class BranchedConv2D(layers.Layer):
    """3x3 convolution, zero padding, parametrised by 1x1, 3x3 and 1x1 convolutions in a row and a 1x1 beside them.

    Source: SPAN (arXiv:2311.12770) section 3.1 and `Conv3XC` of its code, which pads before the first 1x1
    convolution: the branches are therefore linear in the padded map, and one 3x3 convolution to the border.
    Departure: the branches are never run one by one. Their kernels are multiplied together at every call and the
    product is applied (collapsible linear blocks, arXiv:2103.09404, section 4.2): the same function and the same
    gradients for about the price of the plain convolution. The product is computed in float32 whatever the policy.
    """

    kernel_size = (3, 3)

    def __init__(self, filters: int, expansion: int, start: Initializers | None = None, **options):
        """Keep the sizes.

        Args:
            filters: channels of the output.
            expansion: channels between the convolutions in a row are so many times those of the input and output.
            start: of the one convolution that the branches are; `None`: each branch starts as PyTorch's convolutions.
            options: of any layer.
        """
        super().__init__(**options)
        self.filters, self.expansion, self._start = filters, expansion, start

    def build(self, input_shape: tuple) -> None:
        """Make kernels and biases."""
        channels, wide = input_shape[-1], self.filters * self.expansion
        self._add("expand", 1, channels, channels * self.expansion)
        self._add("spatial", 3, channels * self.expansion, wide)
        self._add("project", 1, wide, self.filters)
        self._add("skip", 1, channels, self.filters)
        if self._start:
            self.assign_fused(self._start.kernel((3, 3, channels, self.filters)), self._start.bias((self.filters,)))

    def _add(self, branch: str, size: int, inputs: int, outputs: int) -> None:
        """Kernel [size, size, inputs, outputs] and bias of one convolution; float32 under any policy."""
        starts = torch_uniform(size * size * inputs)
        for kind, shape, start in (
            ("kernel", (size, size, inputs, outputs), starts.kernel),
            ("bias", (outputs,), starts.bias),
        ):
            name = f"{branch}_{kind}"
            setattr(self, name, self.add_weight(shape, start, name=name, autocast=False))

    def fused(self) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        """The one convolution that the branches are.

        Returns:
            Kernel float32 [3, 3, channels, filters] and bias float32 [filters].
        """
        expand, project, skip = (kernel[0, 0] for kernel in (self.expand_kernel, self.project_kernel, self.skip_kernel))
        spatial = ops.matmul(self.spatial_kernel, project)
        kernel = ops.matmul(expand, spatial) + ops.pad(skip[None, None], [[1, 1], [1, 1], [0, 0], [0, 0]])
        bias = ops.matmul(self.expand_bias, ops.sum(spatial, (0, 1))) + ops.matmul(self.spatial_bias, project)
        return kernel, bias + self.project_bias + self.skip_bias

    def assign_fused(self, kernel: np.ndarray, bias: np.ndarray) -> None:
        """Move the branches to where they are a given convolution, and can all be trained from there.

        Of all changes of the middle kernel that do so it is the smallest: by the others' pseudo-inverses.

        Args:
            kernel: float32 [3, 3, channels, filters].
            bias: float32 [filters].
        """
        before, _ = self.fused()
        expand, project = (ops.convert_to_numpy(k)[0, 0] for k in (self.expand_kernel, self.project_kernel))
        change = np.linalg.pinv(expand) @ ops.convert_to_numpy(kernel - before) @ np.linalg.pinv(project)
        self.spatial_kernel.assign_add(change)
        _, before = self.fused()
        self.skip_bias.assign_add(bias - before)

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """[n, h, w, c] -> [n, h, w, filters]."""
        kernel, bias = (ops.cast(tensor, self.compute_dtype) for tensor in self.fused())
        return ops.conv(inputs, kernel, padding="same") + bias

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """The input's, of another depth."""
        return (*input_shape[:-1], self.filters)

    def get_config(self) -> dict:
        """What `from_config` takes."""
        return {**super().get_config(), "filters": self.filters, "expansion": self.expansion}


def apply_branched_conv(
    x: keras.KerasTensor,
    channels: int,
    name: str,
    expansion: int | None,
    initialization: Initialization | None = None,
    dtype: str = "float32",
) -> keras.KerasTensor:
    """3x3 convolution with zero padding: in three branches, or plain.

    Args:
        x: [n, h, w, c].
        channels: of the output.
        name: of the layer, the same in both forms.
        expansion: of the branches' channels; `None` for a plain convolution.
        initialization: of the one convolution; `None`: PyTorch's default, of the plain one or of every branch.
        dtype: Keras dtype policy.

    Returns:
        [n, h, w, channels].
    """
    if expansion is None:
        return apply_conv(x, channels, name, initialization=initialization or torch_uniform, dtype=dtype)
    start = initialization(9 * x.shape[-1]) if initialization else None
    return BranchedConv2D(channels, expansion, start, name=name, dtype=dtype)(x)
