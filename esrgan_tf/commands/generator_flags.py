"""Flags of the commands that upscale by any generator: which one, to what size, by which engine."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from esrgan_tf.commands.command_line import define_alpha, quiet
from esrgan_tf.commands.progress import Progress
from esrgan_tf.errors import InputError
from esrgan_tf.formats.registry import titles
from esrgan_tf.inference.engines.choice import AUTO, NAMES, PRECISIONS
from esrgan_tf.zoo.cards import default_member, read_card

if TYPE_CHECKING:
    from esrgan_tf.inference.output_size import OutputSize
    from esrgan_tf.inference.upscaler import Upscaler

DEFAULT_SCALE = 4


@dataclass(frozen=True)
class GeneratorChoice:
    """A generator and what runs it, as plain values: another process opens the same.

    Args:
        models: as `--model`.
        alpha: as `--alpha`.
        engine: as `--engine`.
        precision: as `--precision`.
        cached: whether compiled engines are kept.
        tile: as `--tile`.
        overlap: as `--overlap`.
    """

    models: tuple[str, ...]
    alpha: float | None
    engine: str
    precision: str
    cached: bool
    tile: int | None
    overlap: int | None

    def with_absolute_paths(self) -> "GeneratorChoice":
        """The same, for a process in another folder."""
        models = (str(Path(model).absolute()) if Path(model).exists() else model for model in self.models)
        return replace(self, models=tuple(models))

    def open(self, pixels: int | None, progress: Progress, **options: object) -> "Upscaler":
        """Open the generator for the work of so many px.

        Args:
            pixels: of all images together, as `open_engine` takes them.
            progress: takes the lines, and the px that are done.
            options: others of `Upscaler`.

        Raises:
            InputError: as `open_engine` and `Upscaler`.
        """
        from esrgan_tf.inference.engines.opening import open_engine
        from esrgan_tf.inference.upscaler import Monitor, Upscaler

        with quiet():  # runtimes' start-up notes
            network = open_engine(
                self.models, self.alpha, self.engine, self.precision, pixels, self.cached, progress.log
            )
        monitor = Monitor(progress.log, progress.advance)
        upscaler = Upscaler(network, self.tile, self.overlap, monitor=monitor, **options)
        progress.log(f"{upscaler.origin}: {upscaler.recipe}, x{upscaler.scale}")
        return upscaler


class GeneratorFlags:
    """`--model`, the output's size, tiles, engine and precision."""

    def __init__(self, flag_values: flags.FlagValues):
        """Define them."""
        self._model = flags.DEFINE_multi_string(
            "model",
            [],
            f"The generator: {titles()}. Two whole ones (psnr, gan) go with --alpha. Default: the zoo's, for --scale.",
            flag_values,
        )
        self._alpha = define_alpha(
            "Network interpolation of two models, or of a SavedModel of two: 0 is the first, 1 the second.", flag_values
        )
        self._scale = flags.DEFINE_float(
            "scale",
            None,
            "Output size / input size, such as 1.5: upscaled by the generator, more than once where it takes that, and "
            "resized down. Default: the generator's own.",
            flag_values=flag_values,
        )
        self._width = flags.DEFINE_integer(
            "width", None, "Of the output, px, in place of --scale.", 1, None, flag_values
        )
        self._height = flags.DEFINE_integer(
            "height", None, "Of the output, px, in place of --scale.", 1, None, flag_values
        )
        self._tile = flags.DEFINE_integer(
            "tile",
            None,
            "Input px; larger images are cut into tiles of at most that. 0 never cuts. Default: the network's own.",
            0,
            None,
            flag_values,
        )
        self._overlap = flags.DEFINE_integer(
            "overlap",
            None,
            "Input px of a tile around what is kept of it. Default: the network's own.",
            0,
            None,
            flag_values,
        )
        self._engine = flags.DEFINE_enum(
            "engine",
            AUTO,
            NAMES,
            "What runs a whole generator: auto is the fastest that is installed for this CPU, compiled once where that "
            "pays, and for int8.",
            flag_values,
        )
        self._precision = flags.DEFINE_enum(
            "precision",
            AUTO,
            PRECISIONS,
            "Of the engine's arithmetic: auto is bfloat16 where the CPU has it; int8 must be asked for.",
            flag_values,
        )
        self._no_cache = flags.DEFINE_bool(
            "no_cache", False, "Neither keep compiled engines in ~/.cache/esrgan_tf nor use those there.", flag_values
        )

    @property
    def size(self) -> "OutputSize":
        """The output's size; raises as its constructor."""
        from esrgan_tf.inference.output_size import OutputSize

        return OutputSize(self._scale.value, self._width.value, self._height.value)

    def choice(self) -> GeneratorChoice:
        """What the flags name, without the flags.

        Raises:
            InputError: more than two models.
        """
        return GeneratorChoice(
            tuple(self._models()),
            self._alpha.value,
            self._engine.value,
            self._precision.value,
            not self._no_cache.value,
            self._tile.value,
            self._overlap.value,
        )

    def open(self, pixels: int | None, progress: Progress, **options: object) -> "Upscaler":
        """Open the generator as `GeneratorChoice.open`, and log which it is.

        Raises:
            InputError: as `open_engine` and `Upscaler`.
        """
        choice = self.choice()
        if not self._model.value:
            purpose = read_card(choice.models[0]).purpose
            progress.log(f"no --model: {choice.models[0]}, {purpose} (esrgan zoo lists others)")
        return choice.open(pixels, progress, **options)

    def identity(self) -> str:
        """A word for the generator that another one does not have, by its content alone.

        Raises:
            InputError: a file cannot be read.
        """
        from esrgan_tf.formats.registry import digest_of

        return f"{digest_of(self._models())} {self._alpha.value}"

    def _models(self) -> Sequence[str]:
        """What `--model` names, or the zoo's generator for the scale that is asked for.

        Raises:
            InputError: more than two.
        """
        if len(self._model.value) > 2:
            raise InputError(
                "`--model` must be given once, or twice (psnr, gan) with `--alpha`. "
                f"Received: {len(self._model.value)} models."
            )
        return self._model.value or [default_member(self._scale.value or DEFAULT_SCALE)]
