"""Seconds, rates and memory of upscaling one image, by every engine that is installed, in turn in one run.

    python benchmarks/upscale.py --networks=srvgg16,rrdb23 --sides=64,128 --output=upscale.json [--before=FILE]

Every engine has a process of its own; one works at a time, medians are over several rounds. Writes JSON, and prints a
Markdown table a network and size: seconds, the ratio to the fastest engine of others, GFLOP/s and their share of the
machine's matrix product in float32, peak memory of the process, and with `--before` the ratio to an earlier run's JSON.
`pip install torch==2.13.0 openvino nncf onnxscript ncnn pnnx` for the engines of others; what is not installed is said.
"""

import argparse
import json
import multiprocessing
import resource
import statistics
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from engines import ENGINES, NETWORKS, multiply_accumulates

from esrgan_tf.errors import InputError

PEER = "peer: "
PAUSE = 0.3  # s between engines: threads of the last one go to sleep
FRESH = multiprocessing.get_context("spawn")


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
        workers = {name: _Worker(network, name, folder) for name in arguments.engines.split(",")}
        for name, worker in list(workers.items()):
            if worker.lacks:
                print(f"{name}: {worker.lacks}", file=sys.stderr)
                del workers[name]
        for side in map(int, arguments.sides.split(",")):
            seconds: dict[str, list[float]] = {name: [] for name in workers}
            for number in range(arguments.rounds + 1):
                for name, worker in workers.items():
                    taken, peak = worker.run(side)
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


class _Worker:
    """An engine in a process of its own."""

    def __init__(self, network: str, engine: str, folder: str):
        self._connection, theirs = FRESH.Pipe()
        self._process = FRESH.Process(target=_serve, args=(theirs, network, engine, folder), daemon=True)
        self._process.start()
        self.lacks = self._connection.recv()

    def run(self, side: int) -> tuple[float, float]:
        """Seconds of one image, and the process's peak memory in MiB so far."""
        time.sleep(PAUSE)
        self._connection.send(side)
        return self._connection.recv()

    def close(self) -> None:
        """End the process."""
        self._process.terminate()


def _serve(connection: Connection, network: str, engine: str, folder: str) -> None:
    """Open an engine, say what it lacks, then run images of the sides asked for."""
    own = Path(folder) / engine.replace(":", "").replace(" ", "_")
    own.mkdir()
    try:
        run = ENGINES[engine](NETWORKS[network], own)
    except ImportError as error:
        connection.send(f"not installed ({error})")
        return
    except InputError as error:
        connection.send(str(error))
        return
    connection.send("")
    while True:
        side = connection.recv()
        image = np.random.default_rng(0).uniform(size=(side, side, 3)).astype(np.float32)
        start = time.perf_counter()
        run(image)
        seconds = time.perf_counter() - start
        connection.send((seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


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
