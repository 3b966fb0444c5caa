"""Families of networks: a frozen dataclass each, found by the name that its `family` field holds.

Open to users of the package: `register_generator` of `esrgan_tf.models` registers a configuration with its builder.
"""

from dataclasses import dataclass, field
from typing import ClassVar

from esrgan_tf.errors import InputError, check_one_of


@dataclass(frozen=True)
class FamilyConfig:
    """What every configuration has. A family derives from one of its two kinds and gives `family` a default."""

    kinds: ClassVar[dict[str, type]]  # of each of the two: its families by name

    family: str = field(default="", init=False)

    @classmethod
    def register(cls, kind: "type[FamilyConfig]") -> "type[FamilyConfig]":
        """Registers a family by its name; returns it, so that it decorates the class.

        Raises:
            InputError: it has no name, or another family has it.
        """
        if not issubclass(kind, cls) or not kind.family:
            raise InputError(f"`{kind.__name__}` must derive from {cls.__name__} and give `family` a default.")
        if cls.kinds.setdefault(kind.family, kind) is not kind:
            raise InputError(f"`family` must be new. Received: {kind.family}, of {cls.kinds[kind.family].__name__}.")
        return kind

    @classmethod
    def of_family(cls, family: object, where: str) -> "type[FamilyConfig]":
        """Returns the configuration of a family.

        Args:
            family: its name.
            where: field that holds it, for messages.

        Raises:
            InputError: there is none of that name.
        """
        check_one_of(where, family if isinstance(family, str) else repr(family), cls.kinds)
        return cls.kinds[family]


@dataclass(frozen=True)
class GeneratorConfig(FamilyConfig):
    """Of a generator: families add their own fields, and refuse scales that they do not have."""

    kinds: ClassVar[dict[str, type]] = {}

    scale: int = 4  # output size / input size

    @property
    def lr_multiple(self) -> int:
        """px, of which the sides of an LR image must be multiples."""
        return 1

    @property
    def mixes_images(self) -> bool:
        """Whether an image's output depends on the others of its batch in training, as by BatchNorm."""
        return False


@dataclass(frozen=True)
class DiscriminatorConfig(FamilyConfig):
    """Of a discriminator."""

    kinds: ClassVar[dict[str, type]] = {}
