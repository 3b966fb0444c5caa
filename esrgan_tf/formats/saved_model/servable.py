"""SavedModels for TF Serving: float, uint8 and PNG/JPEG endpoints, tiles and limits inside the graph."""

from collections.abc import Callable

import tensorflow as tf

from esrgan_tf.formats.graphs import Upscale
from esrgan_tf.formats.saved_model import TILE
from esrgan_tf.formats.saved_model.image_bytes import check_and_decode, encode, have_alpha, to_uint8
from esrgan_tf.formats.saved_model.tiles import upscale_in_tiles
from esrgan_tf.metadata import GeneratorMetadata
from esrgan_tf.models.layers.upsampling import bicubic

MAX_PIXELS = 2**22  # batch x height x width of the input: 8192 x 8192 px of output at x4


class Servable(tf.Module):
    """A generator's three endpoints. With two generators each takes `alpha`, float32 [batch] in 0..1, as well."""

    def __init__(
        self, upscale: Upscale, metadata: GeneratorMetadata, max_pixels: int = MAX_PIXELS, variables: object = None
    ):
        """Wrap a function of `graphs.upscale_function`.

        Args:
            upscale: the function.
            metadata: of the generator; its overlap is that of the tiles inside the graph.
            max_pixels: batch x height x width of what one request may hold.
            variables: whatever holds the function's variables, to be saved with it.
        """
        super().__init__()
        self._upscale, self._metadata, self._max_pixels = upscale, metadata, max_pixels
        self._variables = variables

    def signatures(self) -> dict[str, tf.types.experimental.ConcreteFunction]:
        """Endpoints by name, their inputs named."""
        return {
            "serving_default": self._endpoint(self._float, tf.TensorSpec([None, None, None, 3], tf.float32, "image")),
            "uint8": self._endpoint(self._uint8, tf.TensorSpec([None, None, None, 3], tf.uint8, "image")),
            "image_bytes": self._endpoint(self._bytes, tf.TensorSpec([None], tf.string, "image_bytes")),
        }

    def _endpoint(self, method: Callable, image: tf.TensorSpec) -> tf.types.experimental.ConcreteFunction:
        """One endpoint; without alpha among its inputs where there is one generator."""
        if self._metadata.takes_alpha:
            alpha = tf.TensorSpec([None], tf.float32, "alpha")
            return tf.function(method, input_signature=[image, alpha]).get_concrete_function()
        return tf.function(lambda image: method(image, None), input_signature=[image]).get_concrete_function()

    def _float(self, image: tf.Tensor, alpha: tf.Tensor | None) -> dict[str, tf.Tensor]:
        """Float32 [batch, h, w, 3] in 0..1 -> `sr` float32, the generator's own values: neither clipped nor rounded."""
        return {"sr": self._upscale_checked(image, alpha)}

    def _uint8(self, image: tf.Tensor, alpha: tf.Tensor | None) -> dict[str, tf.Tensor]:
        """Uint8 [batch, h, w, 3] -> `sr` uint8, rounded and clipped once."""
        return {"sr": to_uint8(self._upscale_checked(tf.cast(image, tf.float32) / 255, alpha))}

    def _bytes(self, image_bytes: tf.Tensor, alpha: tf.Tensor | None) -> dict[str, tf.Tensor]:
        """PNG or JPEG files [batch] of one size -> `sr_bytes`, PNG files; grey stays grey, alpha is kept (bicubic)."""
        rgba, channels = check_and_decode(image_bytes, self._max_pixels)
        rgba = tf.cast(rgba, tf.float32) / 255
        opacity = tf.cond(
            tf.reduce_any(have_alpha(channels)),
            lambda: self._upscale_alpha(rgba[..., 3:]),
            lambda: rgba[..., 3:],  # which `encode` ignores
        )
        return {"sr_bytes": encode(self._upscale_checked(rgba[..., :3], alpha), opacity, channels)}

    def _upscale_alpha(self, opacity: tf.Tensor) -> tf.Tensor:
        """Float32 [batch, h, w, 1] -> [batch, scale * h, scale * w, 1], by bicubic."""
        scale = self._metadata.scale
        height, width = tf.unstack(tf.shape(opacity)[1:3])
        # Bicubic pads by the 2 px nearest to the border: there must be as many.
        opacity = _mirrored(_mirrored(opacity, 1, tf.maximum(height, 2)), 2, tf.maximum(width, 2))
        return bicubic(opacity, scale)[:, : scale * height, : scale * width]

    def _upscale_checked(self, image: tf.Tensor, alpha: tf.Tensor | None) -> tf.Tensor:
        """Float32 [batch, h, w, 3] -> [batch, scale * h, scale * w, 3], what cannot be done refused before."""
        with tf.control_dependencies(self._checks(image, alpha)):
            image = tf.identity(image)
        if alpha is None:
            return self._fitted(image, self._upscale)
        # Images may want different networks: one after the other.
        return tf.map_fn(
            lambda item: self._fitted(item[0][None], lambda tile: self._upscale(tile, item[1]))[0],
            (image, alpha),
            fn_output_signature=tf.TensorSpec([None, None, 3], tf.float32),
            parallel_iterations=1,
        )

    def _fitted(self, image: tf.Tensor, upscale: Upscale) -> tf.Tensor:
        """Images of any size through a network that takes multiples: padded by their mirror image, and cut again."""
        d = self._metadata
        height, width = tf.unstack(tf.shape(image)[1:3])
        if d.lr_multiple > 1:
            image = _mirrored(image, 1, height + (-height) % d.lr_multiple)
            image = _mirrored(image, 2, width + (-width) % d.lr_multiple)
        upscaled = upscale_in_tiles(upscale, image, d.scale, TILE, d.overlap)
        return upscaled[:, : d.scale * height, : d.scale * width]

    def _checks(self, image: tf.Tensor, alpha: tf.Tensor | None) -> list[tf.Operation]:
        """What a request must fulfil, else InvalidArgumentError."""
        shape = tf.shape(image, tf.int64)
        pixels = tf.reduce_prod(shape[:3])
        at_most = f"`image` must have 1 to {self._max_pixels} pixels (batch x height x width). "
        within = (pixels <= self._max_pixels) & (pixels > 0)
        checks = [tf.debugging.Assert(within, [at_most + "Received shape: ", shape], summarize=4)]
        if alpha is not None:
            one_each = tf.logical_and(tf.size(alpha, tf.int64) == shape[0], tf.reduce_all((alpha >= 0) & (alpha <= 1)))
            message = "`alpha` must be from 0 (psnr) to 1 (gan), one for each image. Received: "
            checks.append(tf.debugging.Assert(one_each, [message, alpha]))
        return checks


def _mirrored(image: tf.Tensor, axis: int, length: tf.Tensor) -> tf.Tensor:
    """A map made longer along an axis, up to twice: padded by its mirror image, the last pixel repeated."""
    side = tf.shape(image)[axis]
    index = tf.range(length)
    return tf.gather(image, tf.maximum(0, tf.minimum(index, 2 * side - 1 - index)), axis=axis)
