"""Small records of images whose pixels say which image and place they are from."""

import numpy as np
from PIL import Image

from esrgan_tf.data.records.preparation import prepare
from esrgan_tf.data.records.sub_images import Cutting

CUTTING = Cutting(crop=24, step=12, scales=(2, 4))


def write_places(path, number, height=36, width=48):
    """An image of which each pixel is (image, row, column)."""
    rows, columns = np.mgrid[:height, :width]
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.stack([np.full_like(rows, number), rows, columns], -1).astype(np.uint8)
    Image.fromarray(values).save(path)
    return values


def make_records(folder, images=12, cutting=CUTTING):
    """Records of so many images in `folder`/records, six sub-images of each."""
    for number in range(images):
        write_places(folder / f"images/{number:02}.png", number)
    return prepare(str(folder / "images"), folder / "records", cutting, workers=2, log=lambda line: None)
