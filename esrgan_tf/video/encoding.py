"""How upscaled frames are encoded."""

import errno
import os
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from esrgan_tf.cpu import has_avx512, scheduling_kept
from esrgan_tf.errors import InputError, first_line
from esrgan_tf.video.clip import Description, Frame, conversion

# Codec by the output's suffix, for 8 bits and for more: what plays in most places.
CODECS = {
    ".mp4": ("libx264", "libx265"),
    ".mov": ("libx264", "libx265"),
    ".mkv": ("libx264", "libx265"),
    ".webm": ("libvpx-vp9", "libsvtav1"),
}
_CRF = {"libx264": 18, "libx265": 20, "libvpx-vp9": 24, "libsvtav1": 24}  # hardly told from the original
_RGB, _BT709 = 0, 1  # FFmpeg's numbers of colour spaces
_PRESETS = ("libx264", "libx265", "libsvtav1")  # codecs that have them
# More of an encoder's output for what is the same input would make a resumed run another file.
_QUIET = {"libx265": {"x265-params": "log-level=error:info=0"}}


@dataclass(frozen=True)
class Encoding:
    """A codec of FFmpeg, its quality and preset, its pixel format and bits, and the frames' size in px."""

    codec: str
    crf: int | None
    preset: str | None
    pixel_format: str
    bits: int
    height: int
    width: int

    def options(self) -> dict[str, str]:
        """FFmpeg's options of the codec."""
        options = dict(_QUIET.get(self.codec, {}))
        if self.crf is not None:
            options["crf"] = str(self.crf)
        if self.preset is not None:
            options["preset"] = self.preset
        if self.codec == "libvpx-vp9":
            options |= {"b": "0", "row-mt": "1"}
        if self.codec.startswith("libx264") and has_avx512():
            # Its AVX512 takes into account what memory holds beside a frame: the same frames become other bytes.
            options["x264-params"] = "asm=avx2"
        return options


def choose_encoding(
    clip: Description, size: tuple[int, int], suffix: str, codec: str | None, crf: int | None, preset: str | None
) -> Encoding:
    """The encoding of a clip's output: its own pixel format where the codec has it, else the nearest one.

    Args:
        clip: the input.
        size: (height, width) of the output.
        suffix: of the output file.
        codec: FFmpeg's name, `None` by the suffix and the bits.
        crf: of the codec, `None` is nearly lossless.
        preset: of the codec, `None` is its own.

    Raises:
        InputError: an unknown suffix or codec, or an option that the codec does not have.
    """
    import av

    suffix = suffix.lower()
    if suffix not in CODECS:
        raise InputError(f"`output` must end in one of {', '.join(CODECS)}. Received: {suffix}.")
    codec = codec or CODECS[suffix][clip.bits > 8]
    try:
        known = av.codec.Codec(codec, "w")
    except (ValueError, av.error.FFmpegError) as error:
        raise InputError(f"`codec` must be an encoder of FFmpeg, such as libx264. Received: {codec}.") from error
    if known.type != "video" or not known.video_formats:
        raise InputError(f"`codec` must be a video encoder, such as libx264. Received: {codec}.")
    if crf is not None and codec not in _CRF:
        raise InputError(f"`crf` goes with {', '.join(_CRF)}. Received: codec={codec}.")
    if preset is not None and codec not in _PRESETS:
        raise InputError(f"`preset` goes with {', '.join(_PRESETS)}. Received: codec={codec}.")
    formats = {form.name: form for form in known.video_formats}
    form = formats[av.codec.codec.find_best_pix_fmt_of_list(list(formats), clip.pixel_format)[0].name]
    bits = max(component.bits for component in form.components)
    # Chroma that is sampled at every second pixel needs even sides.
    height, width = (side - side % 2 for side in size) if form.chroma_width(2) == 1 else size
    return Encoding(codec, _CRF.get(codec) if crf is None else crf, preset, form.name, bits, height, width)


def try_encoding(encoding: Encoding, clip: Description, suffix: str) -> None:
    """Encode one black frame and put it into a container: whether that works is known by doing it.

    Raises:
        InputError: the codec refuses an option or the size, or the container the codec.
    """
    import av

    deep = np.uint16 if encoding.bits > 8 else np.uint8
    black = Frame(0, np.zeros((encoding.height, encoding.width, 3), deep))
    with TemporaryDirectory() as folder:
        part, whole = Path(folder, "part.nut"), Path(folder, f"whole{suffix}")
        try:
            writer = SegmentWriter(part, encoding, clip)
            writer.write(black)
            writer.close()
            with av.open(str(part)) as source, av.open(str(whole), "w") as target:
                # `opaque`: a stream by what it holds, not by an encoder of the decoder's name.
                stream = target.add_stream_from_template(source.streams.video[0], opaque=True)
                for packet in source.demux(source.streams.video[0]):
                    if packet.pts is not None:
                        packet.dts, packet.stream = packet.pts, stream
                        target.mux(packet)
        except (av.error.FFmpegError, ValueError) as error:
            if getattr(error, "errno", None) == errno.ENOSPC:
                raise
            given = f"codec={encoding.codec}, crf={encoding.crf}, preset={encoding.preset}, {suffix}"
            raise InputError(
                f"`codec`, `crf` and `preset` must go together and with {suffix} (.mkv holds nearly everything). "
                f"Received: {given}: {first_line(error)}"
            ) from error


class SegmentWriter:
    """Encodes frames into a file of their own, which begins with a key frame."""

    def __init__(self, path: Path, encoding: Encoding, clip: Description):
        """Open the file.

        Args:
            path: NUT, FFmpeg's own container, since it keeps any time base.
            encoding: of all segments.
            clip: whose timestamps, rate and colours the frames have.
        """
        import av

        os.environ.setdefault("SVT_LOG", "1")  # errors alone
        self._container = av.open(str(path.resolve()), "w", format="nut", options={"avoid_negative_ts": "disabled"})
        self._stream = self._container.add_stream(encoding.codec, rate=clip.rate, options=encoding.options())
        context = self._stream.codec_context
        self._stream.height, self._stream.width = encoding.height, encoding.width
        self._stream.pix_fmt = encoding.pixel_format
        self._stream.time_base = context.time_base = clip.time_base
        rgb = encoding.pixel_format.startswith(("gbr", "rgb", "bgr"))
        self._colorspace = _RGB if rgb else clip.look.colorspace or _BT709  # of RGB that becomes YUV
        context.color_range, context.colorspace = clip.look.color_range, self._colorspace
        context.color_primaries, context.color_trc = clip.look.primaries, clip.look.transfer
        if clip.look.aspect:
            self._stream.sample_aspect_ratio = clip.look.aspect
        with scheduling_kept():
            context.open()
        self._encoding, self._clip = encoding, clip

    def write(self, frame: Frame) -> None:
        """Encode one frame, of uint8 or uint16 samples."""
        import av

        rgb, look = frame.rgb, self._clip.look
        encoded = av.VideoFrame.from_ndarray(
            np.ascontiguousarray(rgb), format="rgb48le" if rgb.dtype == np.uint16 else "rgb24"
        ).reformat(
            format=self._encoding.pixel_format,
            dst_colorspace=self._colorspace or None,
            dst_color_range=look.color_range or None,
            interpolation=conversion(),
        )
        encoded.pts, encoded.time_base = frame.pts, self._clip.time_base
        for packet in self._stream.encode(encoded):
            self._container.mux(packet)

    def close(self) -> None:
        """Encode what is left and close the file."""
        for packet in self._stream.encode():
            self._container.mux(packet)
        self._container.close()
