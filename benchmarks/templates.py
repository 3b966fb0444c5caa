"""Train recipe templates, both stages, and print what each reaches, a row of a table.

    nice -n 19 python benchmarks/templates.py FAMILY ... --data=photographs/ \\
        --test=Set5:hr=Set5/HR,lr=Set5/LR --test=Set14:hr=Set14/HR,lr=Set14/LR [--niqe_params=niqe.npz]

Ctrl-C saves, the same line resumes; a family that is trained is only measured.
"""

import argparse
import sys
import time
from pathlib import Path

from esrgan_tf import RunOptions, evaluate_models, load_generator, train_stage
from esrgan_tf.evaluation.measures import Options
from esrgan_tf.metrics.niqe import read_niqe_model
from esrgan_tf.recipes.configs import STAGES, Recipe
from esrgan_tf.recipes.templates import SIZES, template
from esrgan_tf.training.interrupts import Interrupted

WORKDIRS = Path("runs/templates")
SPENT = "seconds.txt"  # in a stage's folder


def main() -> int:
    """Train and print; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("families", nargs="+", choices=sorted(SIZES))
    parser.add_argument("--data", required=True, help="as of `esrgan train`")
    parser.add_argument("--test", action="append", default=[], help="NAME:DATA, as of `esrgan evaluate`")
    parser.add_argument("--niqe_params", help="as of `esrgan evaluate`")
    arguments = parser.parse_args()
    niqe = read_niqe_model(arguments.niqe_params) if arguments.niqe_params else None
    for family in arguments.families:
        recipe, workdir = template(family), WORKDIRS / family
        options = RunOptions(workdir=str(workdir), data=arguments.data, refuse_test_images=True)
        try:
            generators = [_train(recipe, stage, options) for stage in STAGES]
        except Interrupted as interruption:
            print(f"{interruption}; run the same line again to resume")
            return 130
        spent = " + ".join(f"{_seconds(workdir / stage) / 60:.0f}" for stage in STAGES)
        cells = [family, f"{load_generator(generators[0]).count_params():,}", spent]
        for test in arguments.test:
            name, _, data = test.partition(":")
            means = evaluate_models(generators, data, options=Options(recipe.generator.scale, niqe=niqe)).means()
            cells += [f"{name}: " + ", ".join(_figures(mean.metrics) for mean in means)]
        print(f"| {' | '.join(cells)} |", flush=True)
    return 0


def _train(recipe: Recipe, stage: str, options: RunOptions) -> Path:
    """Train a stage, and keep how long it took in all."""
    folder, start = Path(options.workdir) / stage, time.monotonic()
    before = _seconds(folder)
    try:
        return train_stage(recipe, stage, options)
    finally:
        if folder.is_dir():
            (folder / SPENT).write_text(str(before + time.monotonic() - start))


def _seconds(folder: Path) -> float:
    """That a stage took so far, validation and interrupted runs included."""
    return float((folder / SPENT).read_text()) if (folder / SPENT).is_file() else 0.0


def _figures(metrics: dict[str, float]) -> str:
    """PSNR and SSIM, and NIQE where it was measured."""
    niqe = f" / {metrics['niqe']:.2f}" if "niqe" in metrics else ""
    return f"{metrics['psnr']:.2f} / {metrics['ssim']:.4f}{niqe}"


if __name__ == "__main__":
    sys.exit(main())
