"""List the zoo: small generators that come with this package, ready to upscale with. Or show one's card.

    esrgan zoo
    esrgan zoo compact_x4
    esrgan upscale --model=compact_x4 --input=photo.jpg --output=photo_x4.png

A name stands wherever a generator is taken: --model, --init_from, --input of `esrgan convert`.
"""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from absl import flags

from esrgan_tf.commands.command_line import run_command
from esrgan_tf.zoo.cards import Card, member_names, read_card

FLAGS = flags.FlagValues()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    return run_command(_zoo, FLAGS, __doc__, sys.argv if argv is None else argv, positional=1)


def _zoo(name: str | None = None) -> None:
    """The table, or the card of that name."""
    if name:
        card = read_card(name)
        for field, value in asdict(card).items():
            if value != {} and field != "offsets":
                print(f"{field:13} {_words(value)}")
        for file in (card.file, *card.int8.values()):
            print(f"{'file':13} {file}")
        return
    cards = [read_card(name) for name in member_names()]
    sets = sorted({test_set for card in cards for test_set in card.figures})
    rows = [("name", "parameters", "file", *(f"{test_set} (bicubic), Y" for test_set in sets), "for")]
    for card in cards:
        size = f"{card.file.stat().st_size / 1e6:.1f} MB"
        rows.append((card.name, f"{card.parameters:,}", size, *(_psnr(card, s) for s in sets), card.purpose))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _psnr(card: Card, test_set: str) -> str:
    """Its PSNR beside bicubic's, where it was measured."""
    found = card.figures.get(test_set)
    return f"{found['psnr_y']:.2f} dB ({found['bicubic_psnr_y']:.2f})" if found else "-"


def _words(value: Any) -> str:
    """A card's field as it is read."""
    if not isinstance(value, dict):
        return str(value)
    return ", ".join(f"{name} ({_words(v)})" if isinstance(v, dict) else f"{name} {v}" for name, v in value.items())
