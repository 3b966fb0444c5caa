"""Put a trained generator into the zoo: its LiteRT file, weights in float16, and its card with its figures.

    python benchmarks/publish_member.py compact_x4 --run=runs/zoo/compact_x4/psnr --card=compact_x4.json \\
        --test=Set5:hr=Set5/HR,lr=Set5/LR --test=Set14:hr=Set14/HR,lr=Set14/LR

`--card` holds the fields of `esrgan_tf.zoo.cards.Card` that no file tells: purpose, weaknesses, data, licence, commit,
command, steps, hours, machine. The others are read from the run or measured; NIQE where `--niqe_params` is given. Where
no LR is given, it is made as the member's training made it. `--generator` is one that was made of the run's. Without
`--run` and `--card` a member is written and measured anew.
"""

import argparse
import hashlib
import json
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from esrgan_tf import evaluate_models, load_generator
from esrgan_tf.atomic import replacing
from esrgan_tf.evaluation.measures import Options
from esrgan_tf.export.exporter import export_generators
from esrgan_tf.export.options import ExportOptions
from esrgan_tf.export.zoo_member import write_card, write_member
from esrgan_tf.metrics.niqe import NiqeModel, read_niqe_model
from esrgan_tf.recipes import DEGRADATIONS, get_degradation
from esrgan_tf.recipes.overrides import recipe_from_file
from esrgan_tf.zoo.cards import MEMBERS, Card, read_card

QUANTIZED = ("phone",)  # families
TILES = (128, 256)  # px
UNKNOWN = {"parameters": 0, "sha256": "", "offsets": {}, "int8_sha256": {}}  # until its files are written


def main() -> None:
    """Write the member, measure it as it was written, and write its card again with the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("--run", type=Path)
    parser.add_argument("--generator", type=Path)
    parser.add_argument("--card", type=Path)
    parser.add_argument("--test", action="append", default=[], help="NAME:DATA, as of `esrgan evaluate`")
    parser.add_argument("--niqe_params", help="as of `esrgan evaluate`")
    arguments = parser.parse_args()
    name = arguments.name
    model = load_generator(arguments.generator or arguments.run or name)
    told = _told(arguments.run, arguments.card) if arguments.run else asdict(read_card(name))
    card = write_member(model, Card(**told | {"name": name, "figures": {}} | UNKNOWN))
    write_card(card)
    if card.generator["family"] in QUANTIZED:
        card = replace(card, int8_sha256=_write_int8(name))
    niqe = read_niqe_model(arguments.niqe_params) if arguments.niqe_params else None
    for test in arguments.test:
        test_set, _, data = test.partition(":")
        card.figures[test_set] = _figures(card, data, niqe)
        print(test_set, card.figures[test_set])
    write_card(card)


def _told(run: Path, card: Path) -> dict[str, Any]:
    """What a run and a file say of a member."""
    record, recipe = json.loads((run / "recipe.json").read_text()), recipe_from_file(run / "recipe.json")
    return {
        "recipe": recipe.name,
        "degradation": next(name for name, config in DEGRADATIONS.items() if config == recipe.data.degradation),
        "generator": record["recipe"]["generator"],
        "seed": record["seed"],
        **json.loads(card.read_text()),
    }


def _figures(card: Card, data: str, niqe: NiqeModel | None) -> dict[str, float]:
    """A member's figures on a test set, as its card has them."""
    options = Options(card.scale, niqe=niqe)
    degradation = None if "lr=" in data else get_degradation(card.degradation)
    models = ["bicubic", card.name, *list(card.int8.values())[:1]]
    means = evaluate_models(models, data, options=options, degradation=degradation).means()
    bicubic, own, *int8 = (system.metrics for system in means)
    found = {
        "psnr_y": round(own["psnr"], 3),
        "ssim_y": round(own["ssim"], 4),
        "bicubic_psnr_y": round(bicubic["psnr"], 3),
    }
    if niqe:
        found |= {"niqe": round(own["niqe"], 3), "bicubic_niqe": round(bicubic["niqe"], 3)}
    if int8:
        found["int8_psnr_y"] = round(int8[0]["psnr"], 3)
    return found


def _write_int8(name: str) -> dict[str, str]:
    """Write a member's int8 LiteRT files, calibrated and verified on the embedded sample; their SHA-256 by tile."""
    digests = {}
    with tempfile.TemporaryDirectory() as folder:
        options = ExportOptions(output=folder, formats=("tflite",), name=name, kinds=("int8",), tiles=TILES)
        print(export_generators([load_generator(name)], options, print))
        for tile in TILES:
            content = (Path(folder) / f"{name}_int8_{tile}.tflite").read_bytes()
            digests[str(tile)] = hashlib.sha256(content).hexdigest()
            with replacing(MEMBERS / f"{name}_int8_{tile}.tflite") as temporary:
                temporary.write_bytes(content)
    return digests


if __name__ == "__main__":
    main()
