"""A page for one machine, by Gradio: upload, choose a generator, compare before and after, download."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from esrgan_tf.errors import InputError
from esrgan_tf.formats.network import Network
from esrgan_tf.formats.registry import load_interpolated, open_network
from esrgan_tf.image.io import read_image, to_float, write_image
from esrgan_tf.image.reading import read_header
from esrgan_tf.inference.upscaler import Monitor, Upscaler

if TYPE_CHECKING:
    import gradio

BETWEEN = "between the first two"  # a choice of the page
_KEPT = 3600  # s that files which were uploaded or made stay, at most
_OPENED = 4  # generators in memory
_STEPS = 20  # of alpha


class Opener:
    """Opens generators by their names on the page, and keeps the ones that were used last."""

    def __init__(self, models: Sequence[str], open_engine: Callable[[str], Network] | None = None):
        """Name what can be chosen.

        Args:
            models: as `model` takes them. The first two can be interpolated where both are whole generators of one
                network.
            open_engine: (model) -> network; `None` opens a model as `open_network`.

        Raises:
            InputError: no model.
        """
        if not models:
            raise InputError("`model` must be given at least once.")
        self.names = [*dict.fromkeys(map(str, models))]
        self._open_engine = open_engine or (lambda model: open_network([model]))
        self._network = lru_cache(_OPENED)(self._opened)
        self.interpolates = len(self.names) > 1 and _same_network(self.names[:2])

    @property
    def choices(self) -> list[str]:
        """What the page offers."""
        return [*self.names, BETWEEN] if self.interpolates else self.names

    def network(self, choice: str, alpha: float) -> Network:
        """The generator of a choice; `alpha`, from 0 to 1 in steps of 0.05, is of the one between two.

        Raises:
            InputError: it cannot be opened.
        """
        return self._network(choice, round(alpha * _STEPS) / _STEPS if choice == BETWEEN else None)

    def _opened(self, choice: str, alpha: float | None) -> Network:
        """As `network`, anew."""
        if choice != BETWEEN:
            return self._open_engine(choice)
        from esrgan_tf.formats.keras_file.runtime import keras_network

        return keras_network(load_interpolated(self.names[:2], alpha), f"alpha {alpha:g}")


def upscale_upload(
    path: str, network: Network, largest: int, folder: Path, on_share: Callable[[float], None]
) -> tuple[np.ndarray, np.ndarray, Path]:
    """Upscale a file that was uploaded.

    Args:
        path: the file.
        network: a generator.
        largest: px of the input at most.
        folder: for the result.
        on_share: takes what share of the work is done, 0 to 1.

    Returns:
        (before, after, file): uint8 [scale * h, scale * w, 3] each, the input's pixels repeated; and the result.

    Raises:
        InputError: it cannot be read, is too large, or cannot be upscaled.
    """
    header = read_header(path)
    pixels = header.width * header.height
    if pixels > largest:
        raise InputError(f"the image must have at most {largest:,} px. Received: {header.width} x {header.height}.")
    image, done = read_image(path), [0]

    def on_pixels(count: int) -> None:
        done[0] += count
        on_share(min(1.0, done[0] / pixels))

    upscaler = Upscaler(network, monitor=Monitor(on_pixels=on_pixels))
    output = upscaler.upscale_image(image)
    suffix = ".tif" if image.bits == 16 and Path(path).suffix in (".tif", ".tiff") else ".png"
    file = folder / f"{Path(path).stem}_x{upscaler.scale}{suffix}"
    write_image(file, output)
    before = _shown(image.rgb).repeat(upscaler.scale, 0).repeat(upscaler.scale, 1)
    return before, _shown(output.rgb), file


def build_demo(opener: Opener, largest: int) -> "gradio.Blocks":
    """The page.

    Args:
        opener: of the generators.
        largest: px of an upload at most.
    """
    import gradio

    results = TemporaryDirectory(prefix="esrgan-demo-")

    def upscale(
        path: str | None,
        choice: str,
        alpha: float,
        progress: gradio.Progress = gradio.Progress(),  # noqa: B008
    ) -> tuple[tuple[np.ndarray, np.ndarray], str]:
        if not path:
            raise gradio.Error("Choose an image first.")
        try:
            for earlier in Path(results.name).iterdir():  # Gradio hands out copies of its own
                earlier.unlink()
            network = opener.network(choice, alpha)
            before, after, file = upscale_upload(path, network, largest, Path(results.name), progress)
        except InputError as error:
            raise gradio.Error(str(error).replace("`", "")) from error
        return (before, after), str(file)

    with gradio.Blocks(title="Upscale images", analytics_enabled=False, delete_cache=(_KEPT, _KEPT)) as page:
        page.results = results  # removed with the page
        gradio.Markdown("# Upscale images\nThe image is upscaled on this machine. Nothing is sent anywhere else.")
        with gradio.Row():
            upload = gradio.Image(
                type="filepath", image_mode=None, sources=["upload", "clipboard"], label="Image", height=240
            )
            with gradio.Column():
                choice = gradio.Dropdown(opener.choices, value=opener.names[0], label="Generator")
                alpha = gradio.Slider(
                    0,
                    1,
                    value=0.8,
                    step=1 / _STEPS,
                    label="Alpha, between the first generator (0) and the second (1)",
                    visible=opener.interpolates,
                )
                start = gradio.Button("Upscale", variant="primary")
        compared = gradio.ImageSlider(label="Before and after", format="png", interactive=False)
        download = gradio.File(label="Download", interactive=False)
        asked, answered = [upload, choice, alpha], [compared, download]
        start.click(upscale, asked, answered, concurrency_limit=1)
        if opener.interpolates:
            moved = alpha.input(lambda: BETWEEN, outputs=choice, trigger_mode="always_last")
            moved.then(upscale, asked, answered, concurrency_limit=1, trigger_mode="always_last")
    return page


def _shown(rgb: np.ndarray) -> np.ndarray:
    """Floats in 0..1, or integers of 8 or 16 bits, as uint8."""
    if rgb.dtype == np.uint8:
        return rgb
    values = rgb if rgb.dtype == np.float32 else to_float(rgb)
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)


def _same_network(models: Sequence[str]) -> bool:
    """Whether two models are whole generators whose weights can be interpolated."""
    try:
        load_interpolated(models, 0.5)
    except InputError:
        return False
    return True
