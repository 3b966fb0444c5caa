"""`esrgan bulk` beside a plain loop of the same engine: images a second, in turn; or how it bears kills.

    python benchmarks/bulk.py --rounds=2                 # 2,000 images of 64 px
    python benchmarks/bulk.py --kills=3 --images=20000 --side=16

Each way is a process of its own on the same images. Seconds are from the beginning of the first image to the end of the
last one: the start of Python, of Ray and of the generator is not counted. With `--kills`, a run is killed by SIGKILL so
many times, at random, and started again; then all outputs and rows are counted. Needs '.[bulk]'.
"""

import argparse
import hashlib
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

from esrgan_tf.bulk.manifest import MANIFEST, ROWS, Shard, read_manifest
from esrgan_tf.data.dead_leaves import dead_leaves

MODEL, ENGINE, SCALE = "phone_x4", "litert", 4
LOOP = f"""
import sys
import time
from pathlib import Path
from esrgan_tf.image.io import read_image, write_image
from esrgan_tf.inference.engines.opening import open_engine
from esrgan_tf.inference.upscaler import Upscaler

source, output = map(Path, sys.argv[1:])
upscaler, paths = Upscaler(open_engine(["{MODEL}"], engine="{ENGINE}")), sorted(source.rglob("*.png"))
start = time.monotonic()
for path in paths:
    write_image(output / path.relative_to(source), upscaler.upscale_image(read_image(path)))
print(len(paths) / (time.monotonic() - start))
"""


def main() -> None:
    """Measure, or kill and count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_images(folder / "in", arguments.images, arguments.side)
        if arguments.kills:
            _kill(folder, arguments.images, arguments.kills, random.Random(arguments.seed))
        else:
            _measure(folder, arguments.images, arguments.side, arguments.rounds)


def _write_images(folder: Path, count: int, side: int) -> None:
    """Crops of generated images, a thousand a subfolder."""
    large = [Image.fromarray(dead_leaves(4 * side, seed)) for seed in range(16)]
    rng = random.Random(0)
    for number in range(count):
        path = folder / f"{number // 1000:03}" / f"{number:06}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        left, top = rng.randrange(3 * side), rng.randrange(3 * side)
        large[number % len(large)].crop((left, top, left + side, top + side)).save(path)


def _command(folder: Path, output: Path, *flags: str) -> list[str]:
    """`esrgan bulk`."""
    command = [sys.executable, "-m", "esrgan_tf", "bulk", str(folder / "in"), f"--output={output}"]
    return [*command, f"--model={MODEL}", f"--engine={ENGINE}", *flags]


def _measure(folder: Path, images: int, side: int, rounds: int) -> None:
    """Print images a second of each way, and the ratio to the loop in the same round."""
    ways = {
        "a plain loop": None,
        "esrgan bulk": [],
        "esrgan bulk --workers=1": ["--workers=1"],
        "esrgan bulk --workers=2": ["--workers=2"],
    }
    rates = {way: [] for way in ways}
    for number in range(rounds):
        for way, flags in ways.items():
            output = folder / f"{way.replace(' ', '_')}-{number}"
            if flags is None:
                loop = [sys.executable, "-c", LOOP, str(folder / "in"), str(output)]
                rates[way].append(float(subprocess.run(loop, check=True, capture_output=True, text=True).stdout))
            else:
                subprocess.run(_command(folder, output, *flags, "--quiet"), check=True, stderr=subprocess.DEVNULL)
                rows = read_manifest(output).values()
                start = min(row.finished - row.seconds for row in rows)
                rates[way].append(len(rows) / (max(row.finished for row in rows) - start))
            print(f"{way}: {rates[way][-1]:.1f} images a second", flush=True)
    print(
        f"\n| {images} images of {side} px by {MODEL}, {ENGINE} | images a second | x the loop, by round |\n"
        "|---|---|---|"
    )
    for way, values in rates.items():
        ratios = ", ".join(f"{mine / loop:.2f}" for mine, loop in zip(values, rates["a plain loop"], strict=True))
        print(f"| {way} | {statistics.median(values):.1f} | {ratios} |")


def _kill(folder: Path, images: int, kills: int, rng: random.Random) -> None:
    """Kill a run so many times at random between its first and its last image, let it end, and count."""
    output, rows = folder / "out", Shard().folder(folder / "out") / ROWS
    moments = sorted(rng.sample(range(images // 20, images * 19 // 20), kills))
    kept: dict[str, int] = {}
    for moment in moments:
        run = subprocess.Popen(_command(folder, output, "--quiet"))
        while run.poll() is None and (not rows.exists() or rows.read_bytes().count(b"\n") <= moment):
            time.sleep(0.05)
        run.send_signal(signal.SIGKILL)
        if run.wait() != -signal.SIGKILL:
            sys.exit("the run has ended before it was killed")
        left = len(list((output / MANIFEST).glob("*/.staging/*")))
        kept = _inodes(output)
        print(f"killed with {len(kept)} rows; {left} unfinished files in the staging folder", flush=True)
    subprocess.run(_command(folder, output), check=True)
    after = _inodes(output)
    again = sum(after[target] != inode for target, inode in kept.items())
    whole = sum(_is_whole(output / row.target, row) for row in read_manifest(output).values())
    count, files = rows.read_bytes().count(b"\n") - 1, {path for path in output.rglob("*") if path.is_file()}
    outputs = {path for path in files if MANIFEST not in path.relative_to(output).parts}
    print(
        f"{images} images, {kills} kills: {len(after)} sources with a final row, {count} rows in all, {len(outputs)} "
        f"outputs, {whole} of them whole by size, SHA-256 and decoding; {again} made again though they had a row; "
        f"other files: {sorted(path.name for path in files - outputs)}"
    )
    if not len(after) == count == len(outputs) == whole == images or again:
        sys.exit("not exact")


def _inodes(output: Path) -> dict[str, int]:
    """The inode of each output that has a row: another one when it is written again."""
    return {row.target: (output / row.target).stat().st_ino for row in read_manifest(output).values()}


def _is_whole(path: Path, row) -> bool:
    """Whether an output is what its row says."""
    data = path.read_bytes()
    with Image.open(path) as image:
        image.load()
        size = image.size == (row.output_width, row.output_height) == (SCALE * row.width, SCALE * row.height)
    return size and not row.error and (len(data), hashlib.sha256(data).hexdigest()) == (row.bytes, row.sha256)


if __name__ == "__main__":
    main()
