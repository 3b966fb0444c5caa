"""RRDB-23 forward and in the psnr stage's training step on a GPU: JAX beside PyTorch, eager and compiled, in one run.

    KERAS_BACKEND=jax XLA_PYTHON_CLIENT_PREALLOCATE=false python benchmarks/gpu.py --batch=16 --patch=128

bfloat16 with float32 weights, random images. JAX steps as `train_on_jax.py` does: twenty in one call, crops cut on the
GPU; PyTorch has channels last and its usual Adam. Every engine has a process of its own; they compile side by side,
then work by turns; medians are over the rounds. Writes JSON, and prints a Markdown table: milliseconds, TFLOP/s, their
share of the fastest matrix product of 8192 x 8192 found here, and the ratio to compiled PyTorch.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from workers import start_workers

from esrgan_tf.errors import InputError, first_line
from esrgan_tf.recipes import get_recipe
from esrgan_tf.recipes.configs import Recipe
from esrgan_tf.recipes.overrides import override

REPEATS, SIDE = 20, 8192
PEER = "PyTorch compiled"
Runs = dict[str, Callable[[], object]]  # what REPEATS times takes until its end, by what it is


def main() -> None:
    """Time every engine at everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("batch", 16), ("patch", 128), ("blocks", 23), ("rounds", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    changes = {"psnr.batch_size": arguments.batch, "psnr.hr_patch": arguments.patch}
    recipe = override(get_recipe("esrgan"), changes | {"generator.blocks": arguments.blocks})
    workers = start_workers(ENGINES, partial(_prepare, recipe))
    found: dict[str, dict[str, float]] = {}
    for what in ("product", "forward", "step"):
        seconds: dict[str, list[float]] = {name: [] for name in workers}
        for _ in range(arguments.rounds):
            for name, worker in workers.items():
                seconds[name].append(worker.measure(what))
        found[what] = {name: statistics.median(times) for name, times in seconds.items()}
    for worker in workers.values():
        worker.close()
    forward = 2 * _multiply_accumulates(recipe)
    operations = {"forward": forward, "step": 3 * forward}
    peak = 2 * SIDE**3 / min(found["product"].values())
    print(f"matrix product: {peak / 1e12:.0f} TFLOP/s\n\n| | ms | TFLOP/s | of the product | of {PEER} |")
    print("|---|---|---|---|---|")
    for what, count in operations.items():
        for name, taken in found[what].items():
            rate = count / taken
            ratio = f"{taken / found[what][PEER]:.2f}" if PEER in workers else ""
            print(
                f"| {what}, {name} | {1e3 * taken:.2f} | {rate / 1e12:.1f} | {rate / peak:.1%} | {ratio} |", flush=True
            )
    if arguments.output:
        arguments.output.write_text(json.dumps({"seconds": found, "operations": operations}, indent=2))


def _multiply_accumulates(recipe: Recipe) -> float:
    """Of the convolutions of a batch."""
    from engines import multiply_accumulates

    stage, scale = recipe.psnr, recipe.generator.scale
    return multiply_accumulates(recipe.generator) * stage.batch_size * (stage.hr_patch // scale) ** 2


def _jax_runs(recipe: Recipe, flags: str = "") -> Runs:
    """By this project's networks, with flags of XLA."""
    os.environ["XLA_FLAGS"] = flags
    import jax
    import jax.numpy as jnp
    from jax_training import Crops, StageOnJax

    stage, scale = recipe.psnr, recipe.generator.scale
    trained = StageOnJax(recipe, stage, "mixed_bfloat16")
    rng, lr_patch = np.random.default_rng(0), stage.hr_patch // scale
    images = [rng.integers(0, 256, (side, side, 3)).astype(np.uint8) for side in (stage.hr_patch * 4, lr_patch * 4)]
    crops, key, state = Crops([tuple(images)], scale, lr_patch), jax.random.key(0), trained.initial_state()
    many = trained.many(REPEATS, crops)
    lr = jax.random.uniform(key, (stage.batch_size, lr_patch, lr_patch, 3))
    square = jax.random.normal(key, (SIDE, SIDE), jnp.bfloat16)
    product = jax.jit(lambda a: a @ a)
    generate, weights = jax.jit(trained.generate), state["generator"]
    weights = jax.tree.map(jnp.copy, weights)

    def step() -> None:
        nonlocal state
        state, terms = many(state, crops.pixels, key)
        jax.block_until_ready(terms)

    def repeated(function: Callable, *values: object) -> None:
        jax.block_until_ready([function(*values) for _ in range(REPEATS)][-1])

    return {
        "product": partial(repeated, product, square),
        "forward": partial(repeated, generate, weights, lr),
        "step": step,
    }


def _torch_runs(recipe: Recipe, compiled: bool, **options: str) -> Runs:
    """By the same network in PyTorch."""
    import torch
    from torch_networks import torch_network
    from torch_training import torch_step

    stage, scale = recipe.psnr, recipe.generator.scale
    side, device = stage.hr_patch // scale, "cuda" if torch.cuda.is_available() else "cpu"
    step = torch_step(recipe, "psnr", bfloat16=True, compiled=compiled, device=device, **options)
    network = torch_network(recipe.generator).to(device, memory_format=torch.channels_last)
    network = torch.compile(network, **options) if compiled else network
    lr = torch.rand(stage.batch_size, 3, side, side, device=device).contiguous(memory_format=torch.channels_last)
    square = torch.randn(SIDE, SIDE, device=device, dtype=torch.bfloat16)

    def forward() -> object:
        with torch.inference_mode(), torch.autocast(device, dtype=torch.bfloat16):
            return network(lr)

    def repeated(function: Callable[[], object]) -> None:
        for _ in range(REPEATS):
            function()
        if device == "cuda":
            torch.cuda.synchronize()

    functions = {"product": lambda: square @ square, "forward": forward, "step": step}
    return {name: partial(repeated, function) for name, function in functions.items()}


ENGINES = {
    "JAX": _jax_runs,
    "JAX, no command buffers": partial(_jax_runs, flags="--xla_gpu_enable_command_buffer="),
    "JAX, deterministic": partial(_jax_runs, flags="--xla_gpu_exclude_nondeterministic_ops=true"),
    "PyTorch eager": partial(_torch_runs, compiled=False),
    PEER: partial(_torch_runs, compiled=True),
    f"{PEER}, CUDA graphs": partial(_torch_runs, compiled=True, mode="reduce-overhead"),
}


def _prepare(recipe: Recipe, engine: str) -> Callable[[str], float]:
    """Build and compile; what is asked for -> seconds of one of it."""
    start = time.perf_counter()
    runs = ENGINES[engine](recipe)
    try:
        for run in 2 * [*runs.values()]:
            run()
    except RuntimeError as error:  # a kernel that the GPU refuses, for one
        raise InputError(first_line(error)) from error
    print(f"{engine}: ready after {time.perf_counter() - start:.0f} s", flush=True)

    def measure(what: str) -> float:
        start = time.perf_counter()
        runs[what]()
        return (time.perf_counter() - start) / REPEATS

    return measure


if __name__ == "__main__":
    main()
