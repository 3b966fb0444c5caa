"""Train both stages of the `quickstart` recipe on the embedded sample, upscale held-out images, compare.

    esrgan quickstart

No download: the photographs come with scikit-image. Two to eleven minutes on two CPU cores.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from esrgan_tf.commands.command_line import INTERRUPTED, import_tensorflow, run_command, with_flags
from esrgan_tf.log import print_line
from esrgan_tf.recipes import get_recipe
from esrgan_tf.recipes.configs import STAGES

PANEL_CROP = 128  # HR px
PANEL_ZOOM = 2

FLAGS = flags.FlagValues()
_WORKDIR = flags.DEFINE_string("workdir", "runs/quickstart_x4", "Where everything goes.", flag_values=FLAGS)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    return run_command(_quickstart, FLAGS, __doc__, sys.argv if argv is None else argv)


def _quickstart() -> int | None:
    """Both stages, then the panel."""
    import_tensorflow(to_train=True)
    from esrgan_tf.data.sample import sample_photographs
    from esrgan_tf.inference.showcase import show_stages
    from esrgan_tf.training.interrupts import Interrupted
    from esrgan_tf.training.run import RunOptions, train_stage

    def log(line: str) -> None:
        print_line(with_flags(line, FLAGS))

    workdir, recipe = Path(_WORKDIR.value), get_recipe("quickstart")
    try:
        for stage in STAGES:
            print(f"\n$ esrgan train --stage={stage} --recipe={recipe.name} --data=sample --workdir={workdir}")
            train_stage(recipe, stage, RunOptions(workdir=str(workdir), data="sample", own_process=True), log=log)
    except Interrupted as interruption:
        print_line(f"{interruption}; run the same line again to resume")
        return INTERRUPTED
    held_out = [pair.hr for pair in sample_photographs()[1]]
    output = workdir / "upscaled"
    print_line(f"\nupscaling the held-out images with both stages, into {output}")
    panel = show_stages(workdir, held_out, output, PANEL_CROP, PANEL_ZOOM)
    print(f"compare: {panel}")
    return None
