"""What every command shares: parsing its flags, and ending with one clear line when something is wrong."""

import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from absl import flags

from esrgan_tf.commands.plugins import load_plugins
from esrgan_tf.errors import InputError, TrainingStopped

SUCCESS, FAILURE, INTERRUPTED = 0, 1, 130


def run_command(
    main: Callable[..., int | None],
    flag_values: flags.FlagValues,
    usage: str,
    argv: Sequence[str],
    positional: int | None = 0,
) -> int:
    """Parse flags and call `main`.

    Args:
        main: the command, called with its positional arguments; an exit status, or None for success.
        flag_values: its flags.
        usage: its help text, shown above the flags by `--help`.
        argv: program name and arguments.
        positional: how many arguments may stand without a flag, among the flags; `None` is any number.

    Returns:
        The exit status: 0; 1 after one line on standard error; 130 when interrupted.
    """
    if "plugin" not in flag_values:
        flags.DEFINE_multi_string(
            "plugin",
            [],
            "Module, or .py file, that registers families, loss terms, data sources or file formats; may be repeated. "
            "Installed packages with an entry point in esrgan_tf.plugins are found without it.",
            flag_values=flag_values,
        )
    try:
        if {"--help", "-h", "--helpfull", "-help"} & set(argv[1:]):
            print(f"{usage.strip()}\n\nFlags:\n{flag_values.get_help()}", flush=True)
            return SUCCESS
        for name in flag_values:  # what another call in this process has set
            flag_values[name].unparse()
        flag_values.set_gnu_getopt(positional != 0)
        arguments = flag_values(list(argv))[1:]
        if positional is not None and len(arguments) > positional:
            raise InputError(f"flags must be written --name=value. Received: {' '.join(arguments[positional:])}.")
        load_plugins(flag_values["plugin"].value)
        return main(*arguments) or SUCCESS
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return FAILURE
    except (flags.Error, InputError, TrainingStopped) as error:
        print(f"error: {with_flags(str(error), flag_values)}", file=sys.stderr)
        return FAILURE
    except OSError as error:
        where = f"`{error.filename}`: " if error.filename else ""
        print(f"error: {where}{error.strerror or error}", file=sys.stderr)
        return FAILURE
    except ModuleNotFoundError as error:  # where it was installed without its requirements
        name = (error.name or "").partition(".")[0]
        if name in ("", "esrgan_tf"):
            raise
        print(f"error: this needs the package {name}, which is not installed.", file=sys.stderr)
        return FAILURE
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


def with_flags(text: str, flag_values: flags.FlagValues) -> str:
    """A message of the library, its arguments and fields in backticks turned into the flags of a command.

    `scale` becomes `--scale`, and `scale=4` `--scale=4`; what is no flag stays.
    """

    def flag(match: re.Match) -> str:
        return f"`--{match[0][1:]}" if match[1] in flag_values else match[0]

    return re.sub(r"`(\w+)(?=[`= ])", flag, text)


def define_alpha(help_text: str, flag_values: flags.FlagValues) -> flags.FlagHolder:
    """Define `--alpha`, 0 (psnr) to 1 (gan); `None` where it is not given."""
    return flags.DEFINE_float("alpha", None, help_text, lower_bound=0.0, upper_bound=1.0, flag_values=flag_values)


def check_given(*needed: flags.FlagHolder) -> None:
    """Raise InputError for the first of these flags that has no value."""
    for flag in needed:
        if not flag.value:
            raise InputError(f"`--{flag.name}` must be given.")


def import_tensorflow(to_train: bool = False) -> None:
    """Import TensorFlow without its start-up notes, which would bury the one line that matters.

    Args:
        to_train: by oneDNN on every CPU of x86, which TensorFlow leaves off where there is AVX2 alone: a training step
            takes 0.7 to 0.8 of the time by it, upscaling up to 2.5 times (benchmarks/NOTES.md).
    """
    if to_train:
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    with quiet():
        import tensorflow  # noqa: F401


@contextmanager
def quiet() -> Iterator[None]:
    """Closes standard error: libraries' C++ parts write to it whatever is set. Exceptions still come through.

    TensorFlow, if it is imported meanwhile, logs nothing afterwards either.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
