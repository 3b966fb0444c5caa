"""Mean PSNR and SSIM of a generator and of bicubic on pairs of pictures with the same names.

    python benchmarks/quality.py runs/quickstart_x4/psnr Set5/HR Set5/LR

uint8, Y channel, `scale` px cropped at each border.
"""

import sys
from pathlib import Path

import numpy as np

from esrgan_tf.comparison import bicubic_upscale
from esrgan_tf.images import list_pictures, read_picture, to_uint8
from esrgan_tf.inference.upscaler import Upscaler
from esrgan_tf.metrics import psnr, ssim


def main() -> None:
    """Print a line a picture, and the means."""
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    model, hr_folder, lr_folder = sys.argv[1:]
    upscaler = Upscaler.from_file(model)
    rows = []
    for lr_path in list_pictures(lr_folder):
        lr, hr = read_picture(lr_path).rgb, to_uint8(read_picture(Path(hr_folder, lr_path.name)).rgb)
        row = []
        for picture in (bicubic_upscale(lr, upscaler.scale), upscaler.upscale(lr)):
            values = to_uint8(picture)
            row += [psnr(values, hr, upscaler.scale), ssim(values, hr, upscaler.scale)]
        rows.append(row)
        _print(lr_path.name, row)
    _print("mean", np.mean(rows, axis=0))


def _print(name: str, row: list[float]) -> None:
    """One line: bicubic and the generator."""
    print("{:20} bicubic {:.2f} dB {:.4f}   generator {:.2f} dB {:.4f}".format(name, *row))


if __name__ == "__main__":
    main()
