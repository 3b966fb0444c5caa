"""The one class that every way of upscaling goes through."""

import dataclasses
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import BoundedSemaphore

import numpy as np

from esrgan_tf.errors import InputError, check_one_of
from esrgan_tf.formats.network import Network
from esrgan_tf.formats.registry import open_network
from esrgan_tf.image.io import DecodedImage, to_float, to_integers
from esrgan_tf.image.resize import bicubic_upscale
from esrgan_tf.image.tiling import even_tile, upscale_by_tiles
from esrgan_tf.image.workers import Workers
from esrgan_tf.log import Log, ignore_line

DEFAULT_TILE = 256  # px, of networks that take any size
LEAST_TILE = 64  # px, where memory is too little
ALPHA_CHANNELS = ("bicubic", "network")  # what upscales alpha
QUARTER_TURNS = 4
SELF_ENSEMBLE_RUNS = 2 * QUARTER_TURNS  # with and without a flip


@dataclass(frozen=True)
class Monitor:
    """What an upscaler calls while it works, from any thread.

    Args:
        log: takes the line that says that memory was too little for the tiles, and smaller ones are used.
        on_pixels: takes the number of px of an image that are done by another tile.
    """

    log: Log = ignore_line
    on_pixels: Callable[[int], None] = lambda pixels: None


class Upscaler:
    """Upscales images with a generator in any runtime, in tiles where they are large."""

    def __init__(
        self,
        network: Network,
        tile: int | None = None,
        overlap: int | None = None,
        self_ensemble: bool = False,
        keep_colors: bool = False,
        alpha_channel: str = "bicubic",
        monitor: Monitor | None = None,
    ):
        """Wrap a generator.

        Args:
            network: a generator.
            tile: px of the input; an image with a longer side is cut into tiles of at most that. 0 never cuts.
                `None`: the network's own, or 256 where it has none.
            overlap: px of the input around what is kept of a tile. `None`: the network's own.
            self_ensemble: take the mean over the eight flips and quarter turns (EDSR, arXiv:1707.02921, section
                3.4): eight times the computation.
            keep_colors: replace the output's low frequencies by the input's (`color.keep_colors`).
            alpha_channel: what upscales alpha, "bicubic" or "network": as a grey image, sharper, and twice the work.
            monitor: is told what happens.

        Raises:
            InputError: an unknown `alpha_channel`, a tile that is not more than twice the overlap, or none that the
                generator takes.
        """
        check_one_of("alpha_channel", alpha_channel, ALPHA_CHANNELS)
        metadata = network.metadata
        if tile is None:
            tile = metadata.tile or metadata.preferred_tile or DEFAULT_TILE
        if overlap is None:
            overlap = metadata.overlap
        if metadata.tile not in (None, tile):
            raise InputError(f"`tile` must be {metadata.tile}, which is all that this file takes. Received: {tile}.")
        if tile and tile <= 2 * overlap:
            raise InputError(f"`tile` must be 0 or more than twice `overlap`. Received: {tile}, {overlap}.")
        if tile % metadata.lr_multiple or overlap % metadata.lr_multiple:
            raise InputError(
                f"`tile` and `overlap` must be multiples of {metadata.lr_multiple} for this generator. "
                f"Received: {tile}, {overlap}."
            )
        self.recipe, self.scale, self.origin = metadata.recipe, metadata.scale, network.origin
        self.concurrency, self._workers = network.concurrency, Workers(network.concurrency)
        self._gate, self._closed = BoundedSemaphore(network.concurrency), False
        self._network, self._tile, self._overlap = network, tile, overlap
        self._multiple, self._fixed_tile = metadata.lr_multiple, metadata.tile or 0
        self._self_ensemble, self._keep_colors = self_ensemble, keep_colors
        self.engine, self.tiles = network.engine, (tile, overlap)
        self.runs = SELF_ENSEMBLE_RUNS if self_ensemble else 1
        self._alpha_channel, self._monitor = alpha_channel, monitor or Monitor()

    @classmethod
    def from_file(
        cls,
        path: str | Path,
        tile: int | None = None,
        overlap: int | None = None,
        self_ensemble: bool = False,
        keep_colors: bool = False,
    ) -> "Upscaler":
        """Upscaler of anything that `model` names.

        Raises:
            InputError: as `open_network` and the constructor.
        """
        return cls(open_network([path]), tile, overlap, self_ensemble, keep_colors)

    def upscale(self, rgb_01: np.ndarray) -> np.ndarray:
        """Upscale one RGB image.

        Args:
            rgb_01: float32 [height, width, 3], 0..1.

        Returns:
            float32 [scale * height, scale * width, 3], clipped to 0..1, not rounded.

        Raises:
            InputError: out of memory even with small tiles, or the generator's output is not finite.
        """
        return self._upscale_to(np.float32, rgb_01)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Upscale one RGB image, integers or floats.

        Args:
            image: uint8 [height, width, 3], or float of that shape in 0..1.

        Returns:
            The same kind, [scale * height, scale * width, 3]: uint8 rounded once, or float32 clipped to 0..1.

        Raises:
            ValueError: another shape or dtype.
            InputError: as `upscale`.
        """
        if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
            raise ValueError(f"`image` must be [height, width, 3]. Received: shape={image.shape}.")
        if image.dtype == np.uint8:
            return self._upscale_to(np.uint8, to_float(image))
        if not np.issubdtype(image.dtype, np.floating):
            raise ValueError(f"`image` must be uint8, or float in 0..1. Received: dtype={image.dtype}.")
        return self.upscale(image.astype(np.float32))

    def upscale_image(self, image: DecodedImage, rounded: bool = True) -> DecodedImage:
        """Upscale an image and keep its kind: alpha, grey, bits, ICC profile and metadata.

        Args:
            image: float32.
            rounded: to integers of its bits, unless it is grey: a quarter of the memory of an image to be written.

        Returns:
            The image, its values integers or float32 in 0..1.

        Raises:
            InputError: as `upscale`.
        """
        alpha = None if image.alpha is None else self._upscale_alpha(image.alpha)
        dtype = np.float32 if image.grey or not rounded else np.uint16 if image.bits == 16 else np.uint8
        return dataclasses.replace(image, rgb=self._upscale_to(dtype, image.rgb), alpha=alpha)

    def close(self) -> None:
        """Give up what other threads are upscaling, at their next tile."""
        self._closed = True

    def _upscale_alpha(self, alpha: np.ndarray) -> np.ndarray:
        """float32 [h, w], 0..1 -> [scale * h, scale * w]."""
        if self._alpha_channel == "bicubic":
            return bicubic_upscale(alpha, self.scale)
        return self.upscale(np.repeat(alpha[..., None], 3, axis=2)).mean(axis=2)

    def _upscale_to(self, dtype: type, rgb_01: np.ndarray) -> np.ndarray:
        """float32 [h, w, 3] -> `dtype` [scale * h, scale * w, 3]: float32 clipped to 0..1, or integers rounded once."""
        if not (self._self_ensemble or self._keep_colors):
            return self._by_tiles(rgb_01, lambda tile: self._finished(tile, dtype), dtype)
        output = self._mean_of_eight(rgb_01) if self._self_ensemble else self._by_tiles(rgb_01)
        output = self._finished(output, np.float32)
        if self._keep_colors:
            # Here, since it needs SciPy, which a LiteRT file otherwise does without.
            from esrgan_tf.image.color import keep_colors

            output = keep_colors(output, rgb_01, self.scale)
        return output if dtype == np.float32 else to_integers(output, dtype)

    def _finished(self, output: np.ndarray, dtype: type) -> np.ndarray:
        """The generator's output clipped to 0..1, or as integers.

        Raises:
            InputError: it is not finite.
        """
        if not np.isfinite(output).all():
            raise InputError(f"the generator {self.recipe} gives values that are not finite: train it again.")
        return np.clip(output, 0, 1) if dtype == np.float32 else to_integers(output, dtype)

    def _mean_of_eight(self, rgb_01: np.ndarray) -> np.ndarray:
        """float32 [h, w, 3] -> [scale * h, scale * w, 3]: the mean of the outputs, each turned back."""
        total = np.zeros((), np.float32)
        for flip in (1, -1):
            for turns in range(QUARTER_TURNS):
                output = self._by_tiles(np.ascontiguousarray(np.rot90(rgb_01[:, ::flip], turns)))
                total = total + np.rot90(output, -turns)[:, ::flip]
        return total / SELF_ENSEMBLE_RUNS

    def _by_tiles(
        self, rgb_01: np.ndarray, finish: Callable[[np.ndarray], np.ndarray] = np.asarray, dtype: type = np.float32
    ) -> np.ndarray:
        """float32 [h, w, 3] -> `dtype` [scale * h, scale * w, 3], `finish` of each tile; smaller ones on little memory.

        Raises:
            InputError: out of memory with the smallest tiles.
        """
        while True:
            try:
                return self._by_tiles_of(self._tile, rgb_01, finish, dtype)
            except MemoryError as error:
                tile = min(self._tile or sys.maxsize, max(rgb_01.shape[:2]))
                smaller = tile // 2 // self._multiple * self._multiple
                may_halve = self._tile and not self._fixed_tile
                if not may_halve or smaller < max(LEAST_TILE, 2 * self._overlap + 1):
                    raise InputError(f"out of memory: use a smaller `tile`. Received: {tile}.") from error
                self._monitor.log(f"out of memory with tiles of {tile} px: continues with {smaller} px")
                self._tile = smaller

    def _by_tiles_of(
        self, tile: int, rgb_01: np.ndarray, finish: Callable[[np.ndarray], np.ndarray], dtype: type
    ) -> np.ndarray:
        """As `_by_tiles`, with tiles of at most so many px; 0 never cuts."""
        height, width = rgb_01.shape[:2]
        multiple, least = self._multiple, self._fixed_tile
        # Mirrored to sizes that the network takes; the output of the padding is cut off.
        padding = [(0, max(least - side, -side % multiple)) for side in (height, width)]
        rgb_01 = np.pad(rgb_01, [*padding, (0, 0)], "symmetric")
        overlap = self._overlap if tile else 0
        tile = tile or max(rgb_01.shape[:2])
        tiles = (tile, tile) if least else tuple(even_tile(side, tile, overlap, multiple) for side in rgb_01.shape[:2])
        output = upscale_by_tiles(
            rgb_01, lambda part: finish(self._run(part)), self.scale, tiles, overlap, self._map_tiles, dtype
        )
        return output[: self.scale * height, : self.scale * width]

    def _map_tiles(self, fill: Callable[[tuple], int], windows: Iterable[tuple]) -> Iterator[int]:
        """Tiles as concurrently as suits the generator, each reported when it is done."""
        for pixels in self._workers.map(fill, windows):
            self._monitor.on_pixels(pixels)
            yield pixels

    def _run(self, tile: np.ndarray) -> np.ndarray:
        """The network on one tile, as many at a time as suits it."""
        with self._gate:
            if self._closed:
                raise InputError("given up")
            return self._network.run(tile)
