"""Draw a panel of each member of the zoo: input | bicubic | member | original, of photographs it was not trained on.

    python benchmarks/zoo_panels.py [NAME ...] [--output=docs/zoo] [--crop=192] [--zoom=1]

The photographs are those that the embedded sample holds out, shrunk by the member's scale.
"""

import argparse
from pathlib import Path

from PIL import Image

from esrgan_tf import Upscaler, read_image
from esrgan_tf.data.sample import sample_photographs
from esrgan_tf.image.io import to_float, to_uint8
from esrgan_tf.image.panels import stack_rows
from esrgan_tf.image.resize import imresize_uint8
from esrgan_tf.metrics.comparison import comparison_panel
from esrgan_tf.zoo.cards import member_names


def main() -> None:
    """Draw and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=member_names())
    parser.add_argument("--output", type=Path, default=Path("docs/zoo"))
    parser.add_argument("--crop", type=int, default=192, help="HR px of each cell")
    parser.add_argument("--zoom", type=int, default=1)
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    for name in arguments.names:
        rows = [_row(Upscaler.from_file(name), name, pair.hr, arguments) for pair in sample_photographs()[1]]
        file = arguments.output / f"{name}.png"
        Image.fromarray(stack_rows(rows)).save(file, optimize=True)
        print(file)


def _row(upscaler: Upscaler, name: str, original: Path, arguments: argparse.Namespace):
    """A photograph's cells, uint8 [height, width, 3]."""
    hr = to_uint8(read_image(original).rgb)
    hr = hr[: hr.shape[0] // upscaler.scale * upscaler.scale, : hr.shape[1] // upscaler.scale * upscaler.scale]
    lr_01 = to_float(imresize_uint8(hr, 1 / upscaler.scale))
    return comparison_panel(
        lr_01, [(name, upscaler(lr_01))], upscaler.scale, to_float(hr), arguments.crop, arguments.zoom
    )


if __name__ == "__main__":
    main()
