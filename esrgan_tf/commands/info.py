"""Tell what a generator is: recipe and scale; of an exported file also sizes, precision, licence.

    esrgan info exported/quickstart_x4_int8_128.tflite
    esrgan info exported/quickstart_x4
    esrgan info runs/quickstart_x4

Takes a .tflite, an .onnx, a SavedModel's folder, a .keras file or a work directory.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from esrgan_tf.commands.command_line import import_tensorflow, run_command
from esrgan_tf.errors import InputError

FLAGS = flags.FlagValues()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    return run_command(_info, FLAGS, __doc__, sys.argv if argv is None else argv, positional=1)


def _info(path: str | None = None) -> None:
    """A path to lines."""
    from esrgan_tf.formats.opening import describe
    from esrgan_tf.formats.saved_model.runtime import find_version

    if not path:
        raise InputError("a file must be named: esrgan info FILE.")
    if Path(path).suffix not in (".tflite", ".onnx") and not find_version(path):
        import_tensorflow()  # takes seconds: not for what needs none
    for field, value in describe(path).items():
        print(f"{field:12}{value}")
