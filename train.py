"""Train a generator: `python train.py --stage=psnr`, then `python train.py --stage=gan`; `--help` lists the flags."""

import sys

from esrgan_tf.__main__ import main

if __name__ == "__main__":
    sys.exit(main([sys.argv[0], "train", *sys.argv[1:]]))
