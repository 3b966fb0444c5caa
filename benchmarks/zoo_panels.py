"""Draw a panel of each member of the zoo: input | bicubic | member | original, of photographs it was not trained on.

    python benchmarks/zoo_panels.py [NAME ...] [--output=docs/zoo] [--crop=192] [--zoom=1]

The photographs are those that the embedded sample holds out, shrunk as those that the member was trained on.
"""

import argparse
from pathlib import Path

from PIL import Image

from esrgan_tf import Upscaler
from esrgan_tf.evaluation.pairs import find_pairs, load_pair
from esrgan_tf.image.io import to_float
from esrgan_tf.image.panels import stack_rows
from esrgan_tf.metrics.comparison import comparison_panel
from esrgan_tf.recipes import get_degradation
from esrgan_tf.zoo.cards import member_names, read_card


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
        upscaler, rows = Upscaler.from_file(name), []
        for pair in find_pairs("sample", upscaler.scale, get_degradation(read_card(name).degradation)):
            hr_01, lr_01 = (to_float(image) for image in load_pair(pair, upscaler.scale))
            cells = [(name, upscaler(lr_01))]
            rows.append(comparison_panel(lr_01, cells, upscaler.scale, hr_01, arguments.crop, arguments.zoom))
        file = arguments.output / f"{name}.png"
        Image.fromarray(stack_rows(rows)).save(file, optimize=True)
        print(file)


if __name__ == "__main__":
    main()
