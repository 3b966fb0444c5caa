"""Seconds and memory of one training step of either stage, with and without --remat, beside PyTorch's, in one run.

    python benchmarks/training_step.py --stages=psnr,gan --batch=4 --patch=128 --threads=2 --output=steps.json

ESRGAN's recipe on random images with random weights. Every engine has a process of its own; one works at a time, in
turn; medians are over the rounds. Writes JSON, and prints a Markdown table a stage: seconds, the ratio to PyTorch's
float32 step, peak memory above that of the process with networks and optimizers built, and with `--before` the ratio to
an earlier run's JSON. With one thread seconds are the processor's, which other programs on the machine disturb less
than the clock on the wall. bfloat16 is fast only where the CPU has it (AVX512_BF16, AMX); elsewhere it is emulated, and
float32 is the fair comparison. `--blocks=6` and the like shorten the generator for a quick look.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from workers import peak_mib, start_workers

from esrgan_tf.commands.command_line import import_tensorflow
from esrgan_tf.recipes import get_recipe
from esrgan_tf.recipes.configs import Recipe
from esrgan_tf.recipes.overrides import override

PEER = "peer: torch"


def _keras_step(recipe: Recipe, stage: str, threads: int, precision: str, remat: bool) -> Callable[[], object]:
    """This project's step, as its commands run it."""
    import_tensorflow(to_train=True)
    import numpy as np
    import tensorflow as tf

    from esrgan_tf.training.cores import parts_of_batch
    from esrgan_tf.training.distribution import make_strategy
    from esrgan_tf.training.networks import build_networks
    from esrgan_tf.training.objective import build_terms
    from esrgan_tf.training.options import RunOptions
    from esrgan_tf.training.steps import make_train_step

    config = recipe.stage(stage)
    parts = parts_of_batch(recipe, config, RunOptions(strategy="cpu", own_process=True, remat=remat), threads)
    tf.config.threading.set_intra_op_parallelism_threads(threads if parts == 1 else 1)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    strategy = make_strategy("cpu")
    networks = build_networks(recipe, config, precision, strategy, remat, parts)
    terms = build_terms(recipe, config, networks, precision, strategy)
    step = make_train_step(networks, terms, strategy, config.clip_norm)
    rng = np.random.default_rng(0)
    sizes = (config.hr_patch, config.hr_patch // recipe.generator.scale)
    images = [tf.constant(rng.integers(0, 256, (config.batch_size, size, size, 3)).astype(np.uint8)) for size in sizes]
    return lambda: [float(term) for term in step(*images).values()]


def _torch_step(recipe: Recipe, stage: str, threads: int, **options) -> Callable[[], object]:
    """PyTorch's step, eager and channels last, or compiled."""
    import torch
    from torch_training import torch_step

    torch.set_num_threads(threads)
    return torch_step(recipe, stage, **options)


ENGINES = {
    "float32": partial(_keras_step, precision="float32", remat=False),
    "float32 remat": partial(_keras_step, precision="float32", remat=True),
    "bfloat16": partial(_keras_step, precision="mixed_bfloat16", remat=False),
    "bfloat16 remat": partial(_keras_step, precision="mixed_bfloat16", remat=True),
    PEER: _torch_step,
    f"{PEER} bfloat16": partial(_torch_step, bfloat16=True),
    f"{PEER} compiled": partial(_torch_step, compiled=True),
}


def main() -> None:
    """Time every engine in every stage."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stages", default="psnr,gan")
    parser.add_argument("--engines", default=f"float32,float32 remat,{PEER}", help=f"of {', '.join(ENGINES)}")
    for name, default in (("batch", 4), ("patch", 128), ("blocks", 23), ("threads", os.cpu_count()), ("rounds", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--before", type=Path)
    arguments = parser.parse_args()
    before = json.loads(arguments.before.read_text())["seconds"] if arguments.before else {}
    found = {"arguments": {name: str(value) for name, value in vars(arguments).items()}, "seconds": {}, "peak_mib": {}}
    for stage in arguments.stages.split(","):
        _time_stage(stage, arguments, found, before)
    if arguments.output:
        arguments.output.write_text(json.dumps(found, indent=2))


def _time_stage(stage: str, arguments: argparse.Namespace, found: dict, before: dict) -> None:
    """Build every engine's step, then time them by turns."""
    changes = {f"{stage}.batch_size": arguments.batch, f"{stage}.hr_patch": arguments.patch}
    changes |= {"generator.blocks": arguments.blocks, "perceptual.weights": "random"}
    recipe = override(get_recipe("esrgan"), changes)
    workers = start_workers(arguments.engines.split(","), partial(_prepare, recipe, stage, arguments.threads))
    seconds: dict[str, list[float]] = {name: [] for name in workers}
    for number in range(arguments.rounds + 1):
        for name, worker in workers.items():
            taken, found["peak_mib"][f"{stage} {name}"] = worker.measure()
            if number:  # the first one traces
                seconds[name].append(taken)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    found["seconds"] |= {f"{stage} {name}": median for name, median in medians.items()}
    for worker in workers.values():
        worker.close()
    _print_table(stage, medians, found["peak_mib"], before)


def _print_table(stage: str, medians: dict[str, float], peak_mib: dict[str, float], before: dict) -> None:
    """Print one stage's table."""
    print(f"\n{stage}\n\n| step | seconds | of {PEER} | peak MiB above built | of before |\n|---|---|---|---|---|")
    for name, median in sorted(medians.items(), key=lambda item: item[1]):
        key = f"{stage} {name}"
        cells = [name, f"{median:.3f}", f"{median / medians[PEER]:.2f}" if PEER in medians else ""]
        cells += [f"{peak_mib[key]:.0f}", f"{median / before[key]:.2f}" if key in before else ""]
        print(f"| {' | '.join(cells)} |", flush=True)


def _prepare(recipe: Recipe, stage: str, threads: int, engine: str) -> Callable[[object], tuple[float, float]]:
    """Build a step: () -> its seconds, and the process's peak memory in MiB above what it had before the first."""
    step = ENGINES[engine](recipe, stage, threads)
    clock = time.process_time if threads == 1 else time.perf_counter
    built = peak_mib()

    def measure(_: object) -> tuple[float, float]:
        start = clock()
        step()
        return clock() - start, peak_mib() - built

    return measure


if __name__ == "__main__":
    main()
