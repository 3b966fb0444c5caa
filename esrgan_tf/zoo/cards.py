"""The zoo's cards: read without Keras, so that listing its members and choosing one takes no time."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from esrgan_tf.errors import InputError, check_one_of

MEMBERS = Path(__file__).parent / "members"
SUFFIX = ".tflite"
PREFERRED = ("compact", "phone")  # families of names, of which `default_member` takes the first that is there


@dataclass(frozen=True)
class Card:
    """What is known of a member.

    Args:
        name: `<kind>_x<scale>`, and `_gan` after it where it comes from a gan stage.
        purpose: what it is for, in a line.
        recipe: that it was trained by.
        generator: its configuration, as `recipe.json` has it.
        parameters: number of weights.
        figures: by test set, then by measure: "psnr_y" in dB, "ssim_y" and perhaps "niqe" of its own, and bicubic's
            "bicubic_psnr_y" and "bicubic_niqe" beside them, "int8_psnr_y" of its int8 file.
        weaknesses: what it is known to do badly.
        data: that it was trained on, and whose that is.
        licence: of the weights.
        commit: of this project, by which `command` trained it.
        command: in a line.
        seed: of the run.
        steps: of training, all stages together.
        hours: of training.
        machine: that it was trained on.
        sha256: of its file.
        offsets: of its weights in that file, in bytes, by path.
        degradation: that made the LR images it was trained on, a name.
        int8_sha256: of its int8 LiteRT files, by their input's side in px.
    """

    name: str
    purpose: str
    recipe: str
    generator: dict[str, Any]
    parameters: int
    figures: dict[str, dict[str, float]]
    weaknesses: str
    data: str
    licence: str
    commit: str
    command: str
    seed: int
    steps: int
    hours: float
    machine: str
    sha256: str
    offsets: dict[str, int]
    degradation: str = "bicubic"
    int8_sha256: dict[str, str] = field(default_factory=dict)

    @property
    def scale(self) -> int:
        """Output size / input size."""
        return self.generator["scale"]

    @property
    def file(self) -> Path:
        """A LiteRT file for any size, weights in float16: run without Keras, or read into Keras."""
        return MEMBERS / f"{self.name}{SUFFIX}"

    @property
    def int8(self) -> dict[str, Path]:
        """LiteRT files that compute in int8, by their input's side in px: for phones."""
        return {side: MEMBERS / f"{self.name}_int8_{side}{SUFFIX}" for side in self.int8_sha256}


def member_names() -> list[str]:
    """Names of all members."""
    return sorted(path.stem for path in MEMBERS.glob("*.json"))


def read_card(name: str) -> Card:
    """A member's card.

    Raises:
        InputError: no member of that name.
    """
    check_one_of("name", name, member_names())
    return Card(**json.loads((MEMBERS / f"{name}.json").read_text()))


def read_verified(file: Path, sha256: str) -> bytes:
    """A member's file.

    Raises:
        InputError: it cannot be read, or its digest is another.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InputError(f"`{file}` cannot be read: {error.strerror}. Install the package again.") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise InputError(f"`{file}` must have the SHA-256 of its card. Install the package again.")
    return content


def is_member(path: str | Path) -> bool:
    """Whether something that `model` names is a member: by its name, where no file has it, or its file."""
    path = Path(path)
    by_name = str(path) in member_names() and not path.exists()
    return by_name or (path.parent == MEMBERS and path.suffix == SUFFIX and path.stem in member_names())


def default_member(scale: float) -> str:
    """The member that is taken where none is named: of the first family, the least scale that reaches the wanted one.

    Where none does, its largest.
    """
    for family in PREFERRED:
        scales = {read_card(name).scale: name for name in member_names() if _is_plain(name, family)}
        if scales:
            return scales[min((known for known in scales if known >= scale), default=max(scales))]
    raise LookupError("the package was installed without its generators")


def _is_plain(name: str, family: str) -> bool:
    """Whether a member is a family's for fidelity."""
    return name == f"{family}_x{read_card(name).scale}"
