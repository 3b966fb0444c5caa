"""What every command shares: parsing its flags, and ending with one clear line when something is wrong."""

import os
import sys
from collections.abc import Callable, Sequence

from absl import flags

from esrgan_tf.errors import InputError, TrainingStopped

SUCCESS, FAILURE, INTERRUPTED = 0, 1, 130


def run_command(
    main: Callable[..., int | None],
    flag_values: flags.FlagValues,
    usage: str,
    argv: Sequence[str],
    positional: int = 0,
) -> int:
    """Parse flags and call `main`.

    Args:
        main: the command, called with its positional arguments; an exit status, or None for success.
        flag_values: its flags.
        usage: its help text, shown above the flags by `--help`.
        argv: program name and arguments.
        positional: how many arguments may stand without a flag.

    Returns:
        The exit status: 0; 1 after one line on standard error; 130 when interrupted.
    """
    try:
        if {"--help", "-h", "--helpfull", "-help"} & set(argv[1:]):
            print(f"{usage.strip()}\n\nFlags:\n{flag_values.get_help()}", flush=True)
            return SUCCESS
        for name in flag_values:  # what another call in this process has set
            flag_values[name].unparse()
        arguments = flag_values(list(argv))[1:]
        if len(arguments) > positional:
            raise InputError(f"flags must be written --name=value. Received: {' '.join(arguments[positional:])}.")
        return main(*arguments) or SUCCESS
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return FAILURE
    except (flags.Error, InputError, TrainingStopped, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILURE
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


def import_tensorflow() -> None:
    """Import TensorFlow without its start-up notes, which would bury the one line that matters.

    It writes some of them before any of its own settings is looked at, so standard error is closed meanwhile;
    exceptions come through as ever.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        import tensorflow  # noqa: F401
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
