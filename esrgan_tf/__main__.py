"""`python -m esrgan_tf VERB --flag=value ...`, the same as `esrgan VERB ...`."""

import importlib
import sys
from collections.abc import Sequence

VERBS = {
    "quickstart": "train both stages on the embedded sample and show what came of it",
    "train": "train a generator",
    "upscale": "enlarge pictures",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the verb that the arguments begin with; returns the exit status."""
    program, *arguments = sys.argv if argv is None else argv
    verb = arguments[0] if arguments else "--help"
    if verb not in VERBS:
        print("esrgan VERB --flag=value ...\n")
        for name, purpose in VERBS.items():
            print(f"  {name:12}{purpose}")
        print("\nesrgan VERB --help lists a verb's flags.")
        return 0 if verb in ("--help", "-h", "help") else 1
    command = importlib.import_module(f"esrgan_tf.commands.{verb}")
    return command.main([f"{program} {verb}", *arguments[1:]])


if __name__ == "__main__":
    sys.exit(main())
