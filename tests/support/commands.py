"""Calling the commands in this process, as a user does."""

from esrgan_tf import __main__


def run(capsys, *arguments):
    """Exit status, standard output, standard error of `esrgan ARGUMENTS`."""
    status = __main__.main(["esrgan", *map(str, arguments)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def assert_one_line_error(result, *parts):
    """A call failed, and says so in one line that holds `parts`."""
    status, _, err = result
    assert status == 1
    assert err.startswith("error: ")
    assert len(err.strip().splitlines()) == 1
    for part in parts:
        assert part in err
