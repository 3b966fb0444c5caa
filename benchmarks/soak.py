"""A long run that is killed again and again leaves what a run without a kill leaves, bit for bit.

    python benchmarks/soak.py --output=soak.json        # an hour or two on two cores that are busy otherwise

Trains `quickstart` twice in processes of its own, once in one go and once with a SIGKILL at a random moment after every
100 to 300 steps, and compares generators, `metrics.csv` and checkpoints, byte for byte. Exit status 1 where
they differ.
"""

import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

FEWEST, MOST = 100, 300  # steps between two kills
LOG_EVERY = 10  # steps
LONGEST_STEPS = 20.0  # s after a line at which a kill may fall: also within validations and checkpoints


def main() -> int:
    """Train both, and compare; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stages", default="psnr:2000,gan:500", help="each with its steps")
    parser.add_argument("--validate_every", type=int, default=100, help="steps; checkpoints too")
    parser.add_argument("--seed", type=int, default=0, help="of the kills")
    parser.add_argument("--folder", type=Path, help="of the two work directories; a temporary one by default")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    rng, found = random.Random(arguments.seed), {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        for stage, steps in (part.split(":") for part in arguments.stages.split(",")):
            command = _command(stage, int(steps), arguments.validate_every)
            begun = time.monotonic()
            _train([*command, f"--workdir={folder}/whole"])
            between = time.monotonic()
            kills = _train_with_kills([*command, f"--workdir={folder}/killed"], rng)
            differing = _differing(folder / "whole" / stage, folder / "killed" / stage)
            found[stage] = {
                "steps": int(steps),
                "seconds_whole": round(between - begun),
                "seconds_killed": round(time.monotonic() - between),
                "kills": kills,
                "differing": differing,
            }
            print(json.dumps({stage: found[stage]}), flush=True)
    if arguments.output:
        arguments.output.write_text(json.dumps(found, indent=2) + "\n")
    return int(any(stage["differing"] for stage in found.values()))


def _command(stage: str, steps: int, validate_every: int) -> list[str]:
    """A stage's command line, without the work directory."""
    options = {"stage": stage, "recipe": "quickstart", "data": "sample", "steps": steps, "log_every": LOG_EVERY}
    options |= {"validate_every": validate_every, "precision": "float32", "strategy": "cpu"}
    return [sys.executable, "-m", "esrgan_tf", "train", *(f"--{name}={value}" for name, value in options.items())]


def _train(command: list[str]) -> None:
    """Run a command to its end."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout[-1000:]}{done.stderr[-1000:]}")


def _train_with_kills(command: list[str], rng: random.Random) -> list[dict[str, int]]:
    """Run a command until it ends by itself; of each kill, where the process had begun and the last step it logged."""
    kills = []
    while True:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        first, step, last, spare = 0, 0, rng.randint(FEWEST, MOST), rng.random()
        since = time.monotonic()
        for line in process.stdout:
            if resumed := re.match(r"resumed at step (\d+)", line):
                first = int(resumed[1])
            elif logged := re.match(r"step (\d+)/", line):
                step, took, since = int(logged[1]), time.monotonic() - since, time.monotonic()
                if step - first >= last:
                    time.sleep(min(spare * took, LONGEST_STEPS))  # somewhere among the steps that follow
                    process.kill()
                    break
        if process.wait() == 0:
            return kills
        if process.returncode > 0:
            raise RuntimeError(f"{' '.join(command)}: exit status {process.returncode}")
        kills.append({"began_at": first, "logged": step})


def _differing(one: Path, other: Path) -> list[str]:
    """Names of what two stages have left that is not equal bit for bit."""
    first, second = _left_by(one), _left_by(other)
    return sorted(name for name in first | second if first.get(name) != second.get(name))


def _left_by(folder: Path) -> dict[str, bytes]:
    """Weights of the generators, metrics and the checkpoints' files: variables, position in the data, progress."""
    left = {path.name: path.read_bytes() for path in (folder / "metrics.csv", *folder.glob("checkpoints/ckpt-*"))}
    for name in ("generator.keras", "generator_last.keras"):
        with zipfile.ZipFile(folder / name) as archive:  # which holds the times of writing as well
            left[name] = archive.read("model.weights.h5")
    return left


if __name__ == "__main__":
    sys.exit(main())
