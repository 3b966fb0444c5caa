"""Describe a generator: recipe, scale, family; of an exported file also sizes, precision, licence. Describe records.

    esrgan info exported/quickstart_x4_int8_128.tflite
    esrgan info exported/quickstart_x4
    esrgan info runs/quickstart_x4
    esrgan info records/
    esrgan info --cache

Takes whatever `esrgan upscale` takes as --model, and what `esrgan prepare` makes. `--cache` lists the engines that
`upscale` has compiled and kept.
"""

import sys
from collections.abc import Sequence

from absl import flags

from esrgan_tf.commands.command_line import quiet, run_command
from esrgan_tf.errors import InputError

FLAGS = flags.FlagValues()
_CACHE = flags.DEFINE_bool("cache", False, "List the compiled engines of the cache.", flag_values=FLAGS)
MIB = 2**20


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    return run_command(_info, FLAGS, __doc__, sys.argv if argv is None else argv, positional=1)


def _info(path: str | None = None) -> None:
    """A path to lines."""
    if _CACHE.value:
        return _list_cache()
    if not path:
        raise InputError("a file must be named: esrgan info FILE.")
    with quiet():  # runtimes' start-up notes
        described = _describe(path)
    for field, value in described.items():
        print(f"{field:11} {value}")


def _describe(path: str) -> dict[str, object]:
    """Fields of what lies there."""
    from esrgan_tf.data.records.index import describe_records, is_records

    if is_records(path):
        return describe_records(path)
    from esrgan_tf.formats.registry import describe

    return describe(path, "FILE")


def _list_cache() -> None:
    """A line for each compiled engine, the one used last first, and where they lie."""
    from esrgan_tf.cache import cache_folder
    from esrgan_tf.inference.engines import cache

    entries, place = cache.entries(), cache_folder(cache.ENGINES)
    for compiled, size in entries:
        refused = f", not used: {compiled.refused}" if compiled.refused else ""
        print(f"{compiled.generator:24}{compiled.engine} {compiled.precision}, {size / MIB:.1f} MiB{refused}")
    total, most = (size / MIB for size in (sum(size for _, size in entries), cache.MAX_BYTES))
    print(f"{len(entries) or 'no'} engine{'s' * (len(entries) > 1)}, {total:.1f} of at most {most:.0f} MiB, in {place}")
