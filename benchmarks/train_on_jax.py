"""Train a stage of a recipe on one accelerator by JAX, where TensorFlow has none: same networks, losses and rates.

    KERAS_BACKEND=jax python benchmarks/train_on_jax.py --recipe=compact --stage=psnr --data=photographs/ \\
        --output=runs/compact_x4/psnr --set psnr.batch_size=64 --set psnr.steps=20000 --set psnr.cosine_period=20000

The whole images lie in the accelerator's memory, where crops are cut; LR is MATLAB's bicubic. Writes `recipe.json` and,
every `validate_every` steps, `generator.keras` (the moving average), which every command takes as they are; nothing is
resumed. With `--val_data` PSNR (Y) is measured as often. Images smaller than a patch are left out, and those that are
tested on refused; `dead_leaves`, alone or joined to folders by `+`, are made here.
"""

import argparse
import itertools
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path

import jax
import keras
import numpy as np
from jax_training import Crops, StageOnJax

from esrgan_tf.data.dead_leaves import dead_leaves
from esrgan_tf.data.frozen import frozen_images
from esrgan_tf.data.registry import parse_data
from esrgan_tf.data.source import held_out_numbers
from esrgan_tf.errors import InputError
from esrgan_tf.evaluation.pairs import find_pairs, load_pair
from esrgan_tf.formats.keras_file.generators import copy_weights, save_generator
from esrgan_tf.formats.registry import load_generator
from esrgan_tf.image.io import to_float, to_uint8
from esrgan_tf.image.resize import imresize_uint8
from esrgan_tf.metrics.psnr_ssim import psnr
from esrgan_tf.models import build_generator
from esrgan_tf.recipes import get_recipe
from esrgan_tf.recipes.configs import Recipe
from esrgan_tf.recipes.overrides import override, parse_assignment

DEAD_LEAVES = "dead_leaves"
Images = list[tuple[np.ndarray, np.ndarray]]  # (HR, LR), uint8


def main() -> None:
    """Train, and now and then save and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", required=True)
    parser.add_argument("--stage", default="psnr", choices=["psnr", "gan"])
    parser.add_argument("--data", required=True)
    parser.add_argument("--output", required=True, type=Path)
    parser.add_argument("--init_from")
    parser.add_argument("--precision", default="float32", choices=["float32", "mixed_bfloat16"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--val_data")
    parser.add_argument("--set", action="append", default=[], type=parse_assignment)
    arguments = parser.parse_args()
    recipe = override(get_recipe(arguments.recipe), arguments.set)
    stage, scale = recipe.stage(arguments.stage), recipe.generator.scale
    if recipe.data.degradation:
        raise InputError("`data.degradation` must be none: LR is MATLAB's bicubic here.")
    images = _load(arguments.data, recipe, arguments.seed)
    images = [pair for pair in images if min(pair[0].shape[:2]) >= stage.hr_patch]
    keras.utils.set_random_seed(arguments.seed)
    trained = StageOnJax(recipe, stage, arguments.precision, _initial(recipe, arguments.init_from))
    crops = Crops(images, scale, stage.hr_patch // scale, recipe.data.permute_colours)
    run = trained.many(stage.log_every, crops)
    arguments.output.mkdir(parents=True, exist_ok=True)
    told = {name: str(value) for name, value in vars(arguments).items() if name != "set"}
    record = {**told, "recipe": asdict(recipe), "seed": arguments.seed, "images": len(images)}
    (arguments.output / "recipe.json").write_text(json.dumps(record, indent=2))
    state, key, start = trained.initial_state(), jax.random.key(arguments.seed), time.perf_counter()
    for step in range(stage.log_every, stage.steps + 1, stage.log_every):
        state, terms = run(state, crops.pixels, key)
        values = ", ".join(f"{name} {float(value):.5f}" for name, value in terms.items())
        print(f"step {step} of {stage.steps}, {time.perf_counter() - start:.1f} s: {values}", flush=True)
        if step % stage.validate_every == 0 or step + stage.log_every > stage.steps:
            trained.update_trained(state)
            save_generator(trained.trained, arguments.output / "generator.keras")
            if arguments.val_data:
                print(f"PSNR (Y): {_psnr(trained.trained, arguments.val_data, scale):.3f} dB", flush=True)


def _initial(recipe: Recipe, init_from: str | None) -> keras.Model | None:
    """The generator to start from, of the recipe's own network."""
    if not init_from:
        return None
    model = build_generator(recipe.generator, recipe.name)
    print(copy_weights(load_generator(init_from), model, init_from))
    return model


def _load(data: str, recipe: Recipe, seed: int) -> Images:
    """The images of all parts, joined by `+`: folders and `dead_leaves`; smaller copies of them, as the recipe says."""
    with ThreadPoolExecutor() as pool:
        parts = (
            _leaves(recipe, seed, pool) if part == DEAD_LEAVES else _folder(part, recipe, pool)
            for part, *_ in parse_data(data)
        )
        whole = list(itertools.chain(*parts))
        smaller = (
            pool.map(partial(_smaller, share, recipe.generator.scale), whole) for share in recipe.data.multiscale
        )
        return [*whole, *itertools.chain(*smaller)]


def _folder(folder: str, recipe: Recipe, pool: ThreadPoolExecutor) -> Images:
    """All images but those that `train.py` would hold out, and those that are tested on, which are refused."""
    scale = recipe.generator.scale
    pairs = find_pairs(folder, scale)
    frozen = frozen_images([str(pair.hr) for pair in pairs])
    if frozen:
        raise InputError(f"`data` must hold no image that is tested on. Received: {', '.join(frozen)}.")
    held_out = held_out_numbers(len(pairs), recipe.data)
    trained = [pair for number, pair in enumerate(pairs) if number not in held_out]
    if recipe.data.multiscale and any(pair.lr for pair in pairs):
        raise InputError(f"`data.multiscale` must be empty for images with LR of their own. Received: {folder}.")
    return list(pool.map(partial(load_pair, scale=scale), trained))


def _smaller(share: float, scale: int, pair: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """An image made smaller, and its LR."""
    hr = imresize_uint8(pair[0], share)
    height, width = (side // scale * scale for side in hr.shape[:2])
    return hr[:height, :width], imresize_uint8(hr[:height, :width], 1 / scale)


def _leaves(recipe: Recipe, seed: int, pool: ThreadPoolExecutor) -> Images:
    """Images of dead leaves, as many as the recipe asks for, and their LR."""
    scale = recipe.generator.scale
    side = recipe.data.dead_leaves_size // scale * scale

    def make(index: int) -> tuple[np.ndarray, np.ndarray]:
        hr = dead_leaves(side, seed, index)
        return hr, imresize_uint8(hr, 1 / scale)

    return list(pool.map(make, range(recipe.data.dead_leaves_pictures)))


def _psnr(model: keras.Model, data: str, scale: int) -> float:
    """Mean PSNR (Y), `scale` px cropped."""
    pairs = [load_pair(pair, scale) for pair in find_pairs(data, scale)]
    return float(np.mean([psnr(to_uint8(np.array(model(to_float(lr)[None]))[0]), hr, scale) for hr, lr in pairs]))


if __name__ == "__main__":
    main()
