"""How far a network's outputs are from the Keras model's: on average, and where most."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from esrgan_tf.formats.examples import Example

MAX_PSNR_CHANGE = 0.1  # dB, mean of the natural images
MAX_IMAGE_LOSS = 0.3  # dB, of each, which may well gain; of both and of the next, `max_psnr_drop` / 0.1 times as much
MAX_PATTERN_DIFFERENCE = 3 / 255  # root mean square, of each flat image and of noise
PLAIN_PSNR = 40  # dB by Keras: where there is so little detail, a change of PSNR says nothing that anyone sees


@dataclass(frozen=True)
class Deviation:
    """`psnr` and `psnr_keras`: means over natural images, dB. The others are those of the worst image of each kind."""

    psnr: float
    psnr_keras: float
    worst_image: str = ""
    worst_image_change: float = 0.0  # dB
    worst_pattern: str = ""
    worst_pattern_difference: float = 0.0  # root mean square, in units of 0..1

    @property
    def psnr_change(self) -> float:
        """PSNR minus that of Keras, dB."""
        return self.psnr - self.psnr_keras

    def is_within(self, max_psnr_change: float) -> bool:
        """Whether it keeps to a mean PSNR change in dB, and to what goes with it of single images."""
        times = max_psnr_change / MAX_PSNR_CHANGE
        return (
            abs(self.psnr_change) <= max_psnr_change
            and -self.worst_image_change <= times * MAX_IMAGE_LOSS
            and self.worst_pattern_difference <= times * MAX_PATTERN_DIFFERENCE
        )


def deviation(examples: Sequence[Example], got: Sequence[np.ndarray], wanted: Sequence[np.ndarray]) -> Deviation:
    """Measure outputs, float32 [scale * h, scale * w, 3] each, against those of Keras.

    PSNR is that of `Example.psnr`, of natural images alone. Those that Keras restores to more than 40 dB count as flat.
    """
    psnrs = {i: (e.psnr(got[i]), e.psnr(wanted[i])) for i, e in enumerate(examples) if e.natural}
    detailed = {i: pair for i, pair in psnrs.items() if pair[1] <= PLAIN_PSNR}
    plain = [i for i in range(len(examples)) if i not in detailed]
    means = np.mean(list((detailed or psnrs).values()), axis=0) if psnrs else (0.0, 0.0)
    changes = {examples[i].name: of_got - of_keras for i, (of_got, of_keras) in detailed.items()}
    differences = {examples[i].name: _root_mean_square(got[i], wanted[i]) for i in plain}
    image, change = min(changes.items(), key=lambda item: item[1], default=("", 0.0))
    pattern, difference = max(differences.items(), key=lambda item: item[1], default=("", 0.0))
    return Deviation(float(means[0]), float(means[1]), image, change, pattern, difference)


def _root_mean_square(a: np.ndarray, b: np.ndarray) -> float:
    """Of the difference of two images clipped to 0..1."""
    return float(np.sqrt(np.mean((np.clip(a, 0, 1) - np.clip(b, 0, 1)).astype(np.float64) ** 2)))
