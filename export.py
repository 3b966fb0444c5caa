"""Export a generator: `python export.py --model=... --format=saved_model,tflite --output=...`; `--help` tells more."""

import sys

from esrgan_tf.__main__ import main

if __name__ == "__main__":
    sys.exit(main([sys.argv[0], "export", *sys.argv[1:]]))
