"""PNG and JPEG inside a graph: bytes -> values -> PNG bytes, with clear errors for what a server must refuse."""

import tensorflow as tf

PNG_MAGIC, JPEG_MAGIC = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
_PNG_SIZE_AT, _PNG_SIZE_BYTES = 16, 8  # width and height in the header, four bytes each, the highest first
_CMYK = 4  # components of a JPEG


def check_and_decode(image_bytes: tf.Tensor, max_pixels: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Decode PNG and JPEG files of one size.

    Sizes are read from the headers first, so that an image over the limit costs no memory. 16-bit PNG is cut to 8
    bits; EXIF orientation and ICC profiles are ignored.

    Args:
        image_bytes: string [batch], whole files.
        max_pixels: batch x height x width of what is decoded at most.

    Returns:
        RGBA uint8 [batch, height, width, 4] (grey as equal channels, opaque where the file has no alpha), and
        channels int32 [batch] of each file: 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA or one colour transparent.

    Raises (when run):
        InvalidArgumentError: no PNG or JPEG, animated, CMYK, truncated, over the limit, or sizes that differ.
    """
    sizes = tf.map_fn(_header_size, image_bytes, fn_output_signature=tf.TensorSpec([2], tf.int64))
    pixels = tf.reduce_sum(tf.reduce_prod(sizes, axis=1))
    checks = [
        _check(tf.size(image_bytes) > 0, "`image_bytes` must hold at least one image."),
        _check(
            (pixels <= max_pixels) & (tf.reduce_min(sizes) > 0),
            f"`image_bytes` must have at most {max_pixels} pixels (batch x height x width). Received: ",
            pixels,
        ),
        _check(
            tf.reduce_all(sizes == sizes[:1]),
            "`image_bytes`: all images of one request must have one size. Received (height, width): ",
            sizes,
        ),
    ]
    with tf.control_dependencies(checks):
        image_bytes = tf.identity(image_bytes)
    spec = (tf.TensorSpec([None, None, 4], tf.uint8), tf.TensorSpec([], tf.int32))
    return tf.map_fn(_decode, image_bytes, fn_output_signature=spec)


def have_alpha(channels: tf.Tensor) -> tf.Tensor:
    """Bool [batch] of channels int32 [batch], as `check_and_decode` gives them."""
    return channels % 2 == 0


def encode(rgb: tf.Tensor, alpha: tf.Tensor, channels: tf.Tensor) -> tf.Tensor:
    """PNG files, each of the kind that its source was.

    Args:
        rgb: float32 [batch, height, width, 3] in 0..1; rounded once, then clipped.
        alpha: float32 [batch, height, width, 1] in 0..1; of any size where no file has alpha.
        channels: int32 [batch], as `check_and_decode` gives them.

    Returns:
        String [batch].
    """

    def one(item: tuple[tf.Tensor, tf.Tensor, tf.Tensor]) -> tf.Tensor:
        rgb, alpha, channels = item
        kinds = [
            lambda: _grey(rgb),
            lambda: tf.concat([_grey(rgb), alpha], -1),
            lambda: rgb,
            lambda: tf.concat([rgb, alpha], -1),
        ]
        branches = [lambda kind=kind: tf.io.encode_png(to_uint8(kind())) for kind in kinds]
        return tf.switch_case(channels - 1, branches)

    return tf.map_fn(one, (rgb, alpha, channels), fn_output_signature=tf.TensorSpec([], tf.string))


def _grey(rgb: tf.Tensor) -> tf.Tensor:
    """Float32 [h, w, 3] -> [h, w, 1]: the colours' mean, clipped before as in every command."""
    return tf.reduce_mean(tf.clip_by_value(rgb, 0, 1), axis=-1, keepdims=True)


def to_uint8(image_01: tf.Tensor) -> tf.Tensor:
    """Float in 0..1 -> uint8: round once, then clip, as `images.to_uint8`."""
    return tf.cast(tf.clip_by_value(tf.round(image_01 * 255), 0, 255), tf.uint8)


def _header_size(data: tf.Tensor) -> tf.Tensor:
    """Bytes of one file -> int64 [2], height and width, or an error that names the fault."""
    is_png, is_jpeg = _begins_with(data, PNG_MAGIC), _begins_with(data, JPEG_MAGIC)
    whole = tf.strings.length(data) >= _PNG_SIZE_AT + _PNG_SIZE_BYTES
    check = _check(
        tf.logical_and(tf.logical_or(is_png, is_jpeg), whole),
        "`image_bytes` must be PNG or JPEG files. Received something else, of bytes: ",
        tf.strings.length(data),
    )
    with tf.control_dependencies([check]):
        return tf.cond(is_png, lambda: _png_size(data), lambda: _jpeg_size(data))


def _png_size(data: tf.Tensor) -> tf.Tensor:
    """Bytes of a PNG file -> int64 [2], height and width."""
    check = _check(
        tf.logical_not(_has_chunk_before_pixels(data, "acTL")),
        "`image_bytes` must be single images. Received an animated PNG.",
    )
    with tf.control_dependencies([check]):
        header = tf.strings.substr(data, _PNG_SIZE_AT, _PNG_SIZE_BYTES)
    width, height = tf.unstack(tf.cast(tf.io.decode_raw(header, tf.int32, little_endian=False), tf.int64), num=2)
    return tf.stack([height, width])


def _has_chunk_before_pixels(data: tf.Tensor, name: str) -> tf.Tensor:
    """Whether a PNG file has a chunk of this name before those of its pixels."""
    before_pixels = tf.strings.regex_replace(data, r"IDAT\C*", "")  # `\C` is any byte
    return tf.strings.regex_full_match(before_pixels, rf"\C*{name}\C*")


def _jpeg_size(data: tf.Tensor) -> tf.Tensor:
    """Bytes of a JPEG file -> int64 [2], height and width."""
    height, width, components = tf.unstack(tf.io.extract_jpeg_shape(data, tf.int64), num=3)
    check = _check(components < _CMYK, "`image_bytes` must be grey or RGB. Received a CMYK JPEG.")
    with tf.control_dependencies([check]):
        return tf.stack([height, width])


def _decode(data: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Bytes of one file -> RGBA uint8 [h, w, 4] and its channels."""
    image = tf.cond(
        _begins_with(data, PNG_MAGIC),
        lambda: tf.cond(
            _has_chunk_before_pixels(data, "tRNS"),  # one colour is transparent
            lambda: tf.io.decode_png(data, channels=4),
            lambda: tf.io.decode_png(data),
        ),
        lambda: tf.io.decode_jpeg(data, dct_method="INTEGER_ACCURATE"),  # as Pillow; the default is faster and coarser
    )
    channels = tf.shape(image)[2]
    colours = tf.where(channels <= 2, 1, 3)
    rgb = tf.gather(image, tf.where(channels <= 2, [0, 0, 0], [0, 1, 2]), axis=2)
    opaque = tf.fill(tf.shape(image[..., :1]), tf.constant(255, tf.uint8))
    alpha = tf.cond(channels > colours, lambda: image[..., -1:], lambda: opaque)
    return tf.ensure_shape(tf.concat([rgb, alpha], axis=-1), [None, None, 4]), channels


def _begins_with(data: tf.Tensor, magic: bytes) -> tf.Tensor:
    """Whether bytes begin so; no error where they are fewer."""
    return tf.strings.substr(data, 0, tf.minimum(len(magic), tf.strings.length(data))) == magic


def _check(condition: tf.Tensor, message: str, *values: tf.Tensor) -> tf.Operation:
    """An assertion of the graph; run as InvalidArgumentError."""
    return tf.debugging.Assert(condition, [message, *values])
