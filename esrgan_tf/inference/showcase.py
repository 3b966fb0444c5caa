"""Images upscaled by both stages of a work directory: files and one panel."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from esrgan_tf.atomic import replacing
from esrgan_tf.image.io import DecodedImage, read_image, to_float, to_uint8, write_image
from esrgan_tf.image.panels import stack_rows
from esrgan_tf.image.resize import imresize_uint8
from esrgan_tf.inference.files import upscale_files
from esrgan_tf.inference.jobs import Job
from esrgan_tf.inference.upscaler import Upscaler
from esrgan_tf.metrics.comparison import comparison_panel
from esrgan_tf.recipes.configs import STAGES


def show_stages(workdir: Path, originals: Sequence[Path], output: Path, crop: int, zoom: int) -> Path:
    """Shrink originals, upscale them again with both stages' generators, and compare.

    Args:
        workdir: holds both stages.
        originals: images that neither stage was trained on.
        output: gets `lr/`, `psnr/` and `gan/` with the images, and `panel.png`.
        crop: HR px of each cell of the panel.
        zoom: whole factor by which the panel's cells are upscaled.

    Returns:
        The panel: a row an image, input (nearest) | bicubic | psnr stage | gan stage | original, with PSNR and
        SSIM (Y, `scale` px cropped).

    Raises:
        InputError: a generator or an image cannot be read.
    """
    upscalers = {stage: Upscaler.from_file(workdir / stage) for stage in STAGES}
    scale = next(iter(upscalers.values())).scale
    rows = []
    for original in originals:
        hr = to_uint8(read_image(original).rgb)
        hr = hr[: hr.shape[0] // scale * scale, : hr.shape[1] // scale * scale]
        lr_path = output / "lr" / f"{original.stem}.png"
        write_image(lr_path, DecodedImage(to_float(imresize_uint8(hr, 1 / scale))))
        upscaled = []
        for stage, upscaler in upscalers.items():
            job = Job(lr_path, output / stage / lr_path.name)
            for _, error in upscale_files(upscaler, [job]):
                if error:
                    raise error
            upscaled.append((f"{stage} stage", read_image(job.target).rgb))
        rows.append(comparison_panel(read_image(lr_path).rgb, upscaled, scale, to_float(hr), crop, zoom))
    panel = output / "panel.png"
    with replacing(panel) as temporary:
        Image.fromarray(stack_rows(rows)).save(temporary, optimize=True)
    return panel
