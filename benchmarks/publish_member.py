"""Put a trained generator into the zoo: its weights in float16, as a LiteRT file too, and its card with their figures.

    python benchmarks/publish_member.py compact_x4 --run=runs/zoo/compact_x4/psnr --card=compact_x4.json \\
        --test=Set5:hr=Set5/HR,lr=Set5/LR --test=Set14:hr=Set14/HR,lr=Set14/LR

`--card` holds the fields of `esrgan_tf.zoo.cards.Card` that no file tells: purpose, weaknesses, data, licence, commit,
command, steps, hours, machine. The others are read from the run or measured; NIQE where `--niqe_params` is given. Where
no LR is given, the recipe's degradation makes it.
"""

import argparse
import hashlib
import json
import tempfile
from pathlib import Path

from esrgan_tf import evaluate_models, get_recipe, load_generator
from esrgan_tf.atomic import replacing
from esrgan_tf.evaluation.measures import Options
from esrgan_tf.export.deployment import write_request
from esrgan_tf.formats.format import WriteOptions
from esrgan_tf.formats.tflite import ANY_SIZE, FORMAT
from esrgan_tf.metrics.niqe import NiqeModel, read_niqe_model
from esrgan_tf.recipes.overrides import recipe_from_file
from esrgan_tf.zoo.cards import Card, read_card
from esrgan_tf.zoo.weights import write_member


def main() -> None:
    """Write the member, measure it as it was written, and write its card again with the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--card", type=Path, required=True)
    parser.add_argument("--test", action="append", default=[], help="NAME:DATA, as of `esrgan evaluate`")
    parser.add_argument("--niqe_params", help="as of `esrgan evaluate`")
    arguments = parser.parse_args()
    record = json.loads((arguments.run / "recipe.json").read_text())
    told = {
        "recipe": recipe_from_file(arguments.run / "recipe.json").name,
        "generator": record["recipe"]["generator"],
        "seed": record["seed"],
        **json.loads(arguments.card.read_text()),
    }
    model = load_generator(arguments.run)
    measured = {"figures": {}, "parameters": model.count_params(), "sha256": "", "litert_sha256": ""}
    write_member(model, Card(name=arguments.name, **told, **measured))
    measured["litert_sha256"] = _write_litert(arguments.name)
    niqe = read_niqe_model(arguments.niqe_params) if arguments.niqe_params else None
    for test in arguments.test:
        test_set, _, data = test.partition(":")
        measured["figures"][test_set] = _figures(read_card(arguments.name), data, niqe)
        print(test_set, measured["figures"][test_set])
    write_member(model, Card(name=arguments.name, **told, **measured))


def _figures(card: Card, data: str, niqe: NiqeModel | None) -> dict[str, float]:
    """A member's figures on a test set, as its card has them."""
    options = Options(card.scale, niqe=niqe)
    degradation = None if "lr=" in data else get_recipe(card.recipe).data.degradation
    evaluation = evaluate_models(["bicubic", card.name], data, options=options, degradation=degradation)
    bicubic, own = (system.metrics for system in evaluation.means())
    found = {
        "psnr_y": round(own["psnr"], 3),
        "ssim_y": round(own["ssim"], 4),
        "bicubic_psnr_y": round(bicubic["psnr"], 3),
    }
    if niqe:
        found |= {"niqe": round(own["niqe"], 3), "bicubic_niqe": round(bicubic["niqe"], 3)}
    return found


def _write_litert(name: str) -> str:
    """Write a member's LiteRT file of any size, weights in float16, and return its SHA-256."""
    options = WriteOptions(kinds=("float16",), tiles=(ANY_SIZE,))
    with tempfile.TemporaryDirectory() as folder:
        (artifact,) = FORMAT.write(write_request([load_generator(name)], options, Path(folder)))
        content = artifact.path.read_bytes()
    with replacing(read_card(name).litert) as temporary:
        temporary.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    main()
