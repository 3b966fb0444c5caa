"""Parity: an artifact, opened by the runtime that will run it, against the Keras model it was made from."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np

from esrgan_tf.errors import InputError
from esrgan_tf.formats.deviation import (
    MAX_IMAGE_LOSS,
    MAX_PATTERN_DIFFERENCE,
    MAX_PSNR_CHANGE,
    Deviation,
    deviation,
)
from esrgan_tf.formats.examples import Example
from esrgan_tf.formats.network import Network

MAX_DIFFERENCE = 1e-4  # of float artifacts
REPEATS = 100
REPEATED_SIDE = 32  # px, of networks that take any size
TIMED_SIDE = 128  # px
TIMED_RUNS = 3

Run = Callable[[np.ndarray], np.ndarray]  # as `Network.run`: float32 [h, w, 3] -> [scale * h, scale * w, 3]


class LimitExceeded(InputError):
    """An artifact differs too much from the Keras model; `reason` is the message without the way out."""

    def __init__(self, reason: str, way_out: str):
        super().__init__(f"{reason}. Nothing is exported.{way_out}")
        self.reason = reason


@dataclass(frozen=True)
class Parity:
    """What an artifact does differently from the Keras model, on held-out images.

    `max_difference` in units of 0..1, of the networks' own values, or clipped to 0..1 where the artifact gives bytes.
    `psnr` and `psnr_keras`: mean Y-PSNR in dB against the originals (uint8, `scale` px cropped), of natural images;
    `psnr_to_keras`: of all values together, in dB. `seconds`: best of three, for `timed` px squared. `repeats`: calls
    with the same image that gave the same bits. `worst_...`: as `Deviation`.
    """

    images: tuple[str, ...]
    max_difference: float
    psnr_to_keras: float
    psnr: float
    psnr_keras: float
    seconds: float
    timed: int
    repeats: int
    worst_image: str = ""
    worst_image_change: float = 0.0
    worst_pattern: str = ""
    worst_pattern_difference: float = 0.0

    @property
    def psnr_change(self) -> float:
        """PSNR minus that of Keras, dB."""
        return self.deviation.psnr_change

    @property
    def deviation(self) -> Deviation:
        """What is limited."""
        return Deviation(**{field.name: getattr(self, field.name) for field in fields(Deviation)})


def compare(network: Network, keras_run: Run, examples: Sequence[Example], integers: bool = False) -> Parity:
    """Compare an artifact with the Keras model.

    Args:
        network: the artifact, opened.
        keras_run: float32 [h, w, 3] -> [scale * h, scale * w, 3] by the Keras model.
        examples: held-out images of several sizes; cut or mirrored to the artifact's size if it takes but one.
        integers: whether the artifact computes in integers, which end at 0 and 1: both are clipped to them.

    Raises:
        InputError: values that are not finite, or a hundred calls with one image do not give the same bits.
    """
    if network.metadata.tile:
        examples = [example.fitted(network.metadata.tile) for example in examples]
    wanted = [keras_run(example.lr_01) for example in examples]
    got = [network.run(example.lr_01) for example in examples]
    if not all(np.isfinite(output).all() for output in (*wanted, *got)):
        raise InputError(f"{network.origin} gives values that are not finite: it is not exported.")
    if integers:
        wanted, got = ([np.clip(output, 0, 1) for output in outputs] for outputs in (wanted, got))
    differences = np.concatenate([np.ravel(a - b) for a, b in zip(got, wanted, strict=True)])
    mean_square = float(np.mean(differences.astype(np.float64) ** 2))
    side = network.metadata.tile or REPEATED_SIDE
    repeated = examples[0].fitted(side).lr_01
    first = network.run(repeated)
    for call in range(2, REPEATS + 1):
        if not np.array_equal(network.run(repeated), first):
            raise InputError(
                f"{network.origin} gave other values when called for the {call}. time: it is not exported."
            )
    timed = network.metadata.tile or TIMED_SIDE
    return Parity(
        images=tuple(f"{e.name} {e.lr_01.shape[1]}x{e.lr_01.shape[0]}" for e in examples),
        max_difference=float(np.abs(differences).max()),
        psnr_to_keras=-10 * np.log10(mean_square) if mean_square else float("inf"),
        **asdict(deviation(examples, got, wanted)),
        seconds=time_of(network.run, examples[0].fitted(timed).lr_01),
        timed=timed,
        repeats=REPEATS,
    )


def time_of(run: Run, image: np.ndarray, runs: int = TIMED_RUNS) -> float:
    """Seconds of the fastest of some calls, after one that is not counted."""
    run(image)
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        run(image)
        times.append(time.perf_counter() - start)
    return min(times)


def check(parity: Parity, artifact: str, exact: bool, max_psnr_drop: float | None = None) -> None:
    """Raise if an artifact differs too much.

    Args:
        parity: of the artifact.
        artifact: for the message.
        exact: whether it computes in float32: then at most 1e-4 apart. Else at most 0.1 dB of PSNR, a loss of 0.3
            dB of each natural image, and 3/255 (root mean square) of each that is flat or noise.
        max_psnr_drop: dB, in place of 0.1; the others change in proportion.

    Raises:
        LimitExceeded: it does.
    """
    if exact:
        within, limit = parity.max_difference <= MAX_DIFFERENCE, f"at most {MAX_DIFFERENCE:g} apart"
    else:
        most = MAX_PSNR_CHANGE if max_psnr_drop is None else max_psnr_drop
        times = most / MAX_PSNR_CHANGE
        within = parity.deviation.is_within(most)
        limit = (
            f"a PSNR change of at most {most:g} dB, a loss of {times * MAX_IMAGE_LOSS:.2g} dB of each image, and "
            f"{times * MAX_PATTERN_DIFFERENCE * 255:.2g}/255 (root mean square) of flat areas and noise"
        )
    if not within:
        worst = (
            f" (most of {parity.worst_image}, by {parity.worst_image_change:+.3f} dB; {parity.worst_pattern} is off by "
            f"{parity.worst_pattern_difference * 255:.2f}/255)"
        )
        raise LimitExceeded(
            f"{artifact} differs from Keras by up to {parity.max_difference:.2g} and changes the PSNR by "
            f"{parity.psnr_change:+.3f} dB{'' if exact else worst}; {limit} is allowed",
            "" if exact else " `max_psnr_drop` allows more.",
        )
