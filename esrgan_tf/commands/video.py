"""Upscale a video; sound, subtitles, chapters and metadata are copied.

    esrgan video clip.mp4                              # clip_x4.mp4
    esrgan video clip.mp4 --output=large.mkv --width=1920 --codec=libx265 --crf=22 --preset=slow
    esrgan video clip.mp4 --model=runs/esrgan_x4/gan --temporal=median

Every frame keeps its timestamp; colours, 10 bits and the shape of pixels are kept; a frame that repeats the one before
is not upscaled again. A run that was stopped or killed is resumed by the same line, with the same result: what is done
lies in OUTPUT.parts until the output is in place. Takes what the generator takes for its frames: on two cores with
AVX512 compact_x4 upscales about 3.7 frames of 320 x 180 px a second. Needs pip install 'esrgan_tf[video]'.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from esrgan_tf.commands.command_line import run_command
from esrgan_tf.commands.generator_flags import GeneratorFlags
from esrgan_tf.commands.progress import Progress
from esrgan_tf.errors import InputError

FLAGS = flags.FlagValues()
_GENERATOR = GeneratorFlags(FLAGS)
_OUTPUT = flags.DEFINE_string(
    "output",
    None,
    "A .mp4, .mov, .mkv or .webm. Default: NAME_x4 beside the input; .mkv for others.",
    flag_values=FLAGS,
)
_CODEC = flags.DEFINE_string(
    "codec",
    None,
    "An encoder of FFmpeg. Default: libx264, or libx265 for more than 8 bits; libvpx-vp9, or libsvtav1, in a .webm.",
    flag_values=FLAGS,
)
_CRF = flags.DEFINE_integer("crf", None, "Quality of the codec, less is better. Default: 18 to 24.", 0, 63, FLAGS)
_PRESET = flags.DEFINE_string("preset", None, "Speed of the codec, such as slow, or 6.", flag_values=FLAGS)
_TEMPORAL = flags.DEFINE_enum(
    "temporal",
    "off",
    ["off", "median"],
    "median: pixels that stand still are the median of three frames, against a gan stage's flicker. What moves stays.",
    flag_values=FLAGS,
)
_QUIET = flags.DEFINE_bool("quiet", False, "Print nothing but errors.", flag_values=FLAGS)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    return run_command(_video, FLAGS, __doc__, sys.argv if argv is None else argv, positional=1)


def _video(source: str | None = None) -> None:
    """Flags to a file."""
    if not source:
        raise InputError("a video must be given.")
    from esrgan_tf.video.clip import Clip
    from esrgan_tf.video.encoding import CODECS
    from esrgan_tf.video.upscaling import VideoJob, VideoOptions

    progress, size = Progress(_QUIET.value), _GENERATOR.size
    about = Clip(source).description
    upscaler = _GENERATOR.open(about.height * about.width * max(1, about.frames), progress)
    label = size.label(upscaler.scale)
    beside = Path(source).with_stem(f"{Path(source).stem}{label}")
    if beside.suffix.lower() not in CODECS:
        beside = beside.with_suffix(".mkv")
    output = Path(_OUTPUT.value) if _OUTPUT.value else beside
    options = VideoOptions(size, _CODEC.value, _CRF.value, _PRESET.value, _TEMPORAL.value)
    job = VideoJob(Path(source), output, upscaler, options, _GENERATOR.identity())
    progress.start(job.pixels, 1)
    try:
        frames = job.run(progress.log, lambda count: progress.advance(count * job.frame_pixels))
    finally:
        progress.close()
    progress.log(f"{source} -> {output}: {frames} frames")
