"""`python -m esrgan_tf VERB --flag=value ...`, the same as `esrgan VERB ...`."""

import importlib
import sys
from collections.abc import Sequence

VERBS = {
    "quickstart": "train both stages on the embedded sample and show the result",
    "recipes": "list the recipes, or print one whole",
    "prepare": "cut images into records, from which training reads crops fast",
    "preview-data": "show what the trainer will see",
    "doctor": "look for what would fail or spoil a training run",
    "train": "train a generator",
    "export": "write a generator for TF Serving, phones or ONNX Runtime, verified",
    "info": "show what a generator or an exported file is",
    "upscale": "upscale images",
    "video": "upscale a video, its sound copied; a run that was killed is resumed",
    "bulk": "upscale millions of images, in shards or on a Ray cluster; a run that was killed is resumed",
    "demo": "serve a page on this machine that upscales images",
    "zoo": "list the small generators that come with this package, or show one's card",
    "request": "upscale images by a generator that TF Serving runs",
    "convert": "turn published PyTorch weights into a .keras file, or a generator back into one of PyTorch",
    "evaluate": "measure generators and bicubic on images whose originals are known",
    "rating": "have people rate outputs blindly, and read their answers",
    "niqe-fit": "make NIQE's parameter file from pristine images",
    "interpolate": "make a generator between the psnr stage's and the gan stage's",
}
HELP = ("--help", "-h", "help")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the verb that the arguments begin with; returns the exit status."""
    program, *arguments = sys.argv if argv is None else argv
    verb = arguments[0] if arguments else "--help"
    if verb not in VERBS:
        if verb not in HELP:
            print(f"error: the verb must be one of {', '.join(VERBS)}. Received: {verb}.", file=sys.stderr)
            return 1
        print("esrgan VERB --flag=value ...\n")
        for name, purpose in VERBS.items():
            print(f"  {name:14}{purpose}")
        print("\nesrgan VERB --help lists a verb's flags.")
        return 0
    command = importlib.import_module(f"esrgan_tf.commands.{verb.replace('-', '_')}")
    return command.main([f"{program} {verb}", *arguments[1:]])


if __name__ == "__main__":
    sys.exit(main())
