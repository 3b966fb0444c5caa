"""How little tiles may overlap (0: hard cuts): the largest difference from the whole image, by overlap.

    python benchmarks/tile_overlap.py runs/quickstart_x4

Takes scikit-image's retina (1411 x 1411 px) and astronaut as low-resolution inputs of up to 512 px.
"""

import sys

import numpy as np
from skimage import data

from esrgan_tf.image.io import to_float
from esrgan_tf.inference.upscaler import Upscaler

OVERLAPS = (0, 4, 8, 12, 16, 24, 32)
KEPT = 64  # px of each tile between its overlaps


def main() -> None:
    """Print a row an overlap: largest and mean difference in 1/255."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    model = sys.argv[1]
    images = [to_float(image) for image in (data.astronaut(), data.retina()[400:800, 400:800])]
    whole = [Upscaler.from_file(model, tile=0).upscale(image) for image in images]
    print("overlap (input px) | largest difference (1/255) | mean difference (1/255)")
    for overlap in OVERLAPS:
        upscaler = Upscaler.from_file(model, tile=KEPT + 2 * overlap, overlap=overlap)
        differences = [np.abs(upscaler.upscale(p) - w) * 255 for p, w in zip(images, whole, strict=True)]
        print(
            f"{overlap:18} | {max(d.max() for d in differences):26.3f} | {np.mean([d.mean() for d in differences]):.5f}"
        )


if __name__ == "__main__":
    main()
