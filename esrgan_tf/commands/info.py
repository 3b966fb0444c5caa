"""Describe a generator: recipe, scale, family; of an exported file also sizes, precision, licence.

    esrgan info exported/quickstart_x4_int8_128.tflite
    esrgan info exported/quickstart_x4
    esrgan info runs/quickstart_x4

Takes whatever `esrgan upscale` takes as --model.
"""

import sys
from collections.abc import Sequence

from absl import flags

from esrgan_tf.commands.command_line import quiet, run_command
from esrgan_tf.errors import InputError

FLAGS = flags.FlagValues()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    return run_command(_info, FLAGS, __doc__, sys.argv if argv is None else argv, positional=1)


def _info(path: str | None = None) -> None:
    """A path to lines."""
    from esrgan_tf.formats.registry import describe

    if not path:
        raise InputError("a file must be named: esrgan info FILE.")
    with quiet():  # runtimes' start-up notes
        described = describe(path, "FILE")
    for field, value in described.items():
        print(f"{field:12}{value}")
