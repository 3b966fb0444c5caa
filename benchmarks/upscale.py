"""Seconds, rates and memory of upscaling one image, by every engine that is installed, in turn in one run.

    python benchmarks/upscale.py --networks=srvgg16,rrdb23 --sides=64,128 --output=upscale.json [--before=FILE]

Every engine has a process of its own; one works at a time, medians are over several rounds. Writes JSON, and prints a
Markdown table a network and size: seconds, the ratio to the fastest engine of others, GFLOP/s and their share of the
machine's matrix product in float32, peak memory of the process, and with `--before` the ratio to an earlier run's JSON.
`pip install torch==2.13.0 openvino nncf onnxscript ncnn pnnx` for the engines of others; what is not installed is said.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from engines import ENGINES, NETWORKS, multiply_accumulates
from workers import peak_mib, start_workers

PEER = "peer: "


def main() -> None:
    """Time every network at every size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", default="srvgg16,rrdb16,rrdb23")
    parser.add_argument("--sides", default="64,128,256")
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--before", type=Path)
    arguments = parser.parse_args()
    before = json.loads(arguments.before.read_text())["seconds"] if arguments.before else {}
    found = {"peak_gflops": _peak(), "seconds": {}, "peak_mib": {}}
    for network in arguments.networks.split(","):
        _time_network(network, arguments, found, before)
    if arguments.output:
        arguments.output.write_text(json.dumps(found, indent=2))


def _time_network(network: str, arguments: argparse.Namespace, found: dict, before: dict) -> None:
    """Open all engines, then time them by turns, a size after the other."""
    gflop = 2 * multiply_accumulates(NETWORKS[network]) / 1e9
    with tempfile.TemporaryDirectory() as folder:
        workers = start_workers(arguments.engines.split(","), partial(_prepare, network, folder))
        for side in map(int, arguments.sides.split(",")):
            seconds: dict[str, list[float]] = {name: [] for name in workers}
            for number in range(arguments.rounds + 1):
                for name, worker in workers.items():
                    taken, peak = worker.measure(side)
                    found["peak_mib"][f"{network} {side} {name}"] = peak
                    if number:  # the first one compiles
                        seconds[name].append(taken)
            medians = {name: statistics.median(times) for name, times in seconds.items()}
            found["seconds"] |= {f"{network} {side} {name}": median for name, median in medians.items()}
            _print_table(network, side, gflop * side**2, medians, found, before)
        for worker in workers.values():
            worker.close()


def _print_table(network: str, side: int, gflop: float, medians: dict, found: dict, before: dict) -> None:
    """Print one network's table at one size."""
    peer = min((median for name, median in medians.items() if name.startswith(PEER)), default=None)
    print(f"\n{network}, {side} x {side} px, {gflop:.0f} GFLOP\n")
    print("| engine | seconds | of the fastest peer's | GFLOP/s | share of the peak | peak MiB | of before |")
    print("|---|---|---|---|---|---|---|")
    for name, median in sorted(medians.items(), key=lambda item: item[1]):
        key = f"{network} {side} {name}"
        rate = gflop / median
        cells = [name, f"{median:.3f}", f"{median / peer:.2f}" if peer else "", f"{rate:.0f}"]
        cells += [f"{rate / found['peak_gflops']:.2f}", f"{found['peak_mib'][key]:.0f}"]
        cells.append(f"{median / before[key]:.2f}" if key in before else "")
        print(f"| {' | '.join(cells)} |", flush=True)


def _prepare(network: str, folder: str, engine: str) -> Callable[[int], tuple[float, float]]:
    """Open an engine: (side) -> seconds of one image, and the process's peak memory in MiB so far."""
    own = Path(folder) / engine.replace(":", "").replace(" ", "_")
    own.mkdir()
    run = ENGINES[engine](NETWORKS[network], own)

    def measure(side: int) -> tuple[float, float]:
        image = np.random.default_rng(0).uniform(size=(side, side, 3)).astype(np.float32)
        start = time.perf_counter()
        run(image)
        return time.perf_counter() - start, peak_mib()

    return measure


def _peak() -> float:
    """GFLOP/s of a large matrix product in float32 by NumPy."""
    side = 3072
    a = np.random.default_rng(0).uniform(size=(side, side)).astype(np.float32)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        a @ a
        times.append(time.perf_counter() - start)
    return 2 * side**3 / min(times) / 1e9


if __name__ == "__main__":
    main()
