"""Plot what `upscale.py --output` has written: seconds against the image's size, a line an engine.

python benchmarks/plot_upscale.py upscale.json docs/upscale_speed.png     # pip install '.[plot]'
"""

import json
import sys
from collections import defaultdict

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot


def main() -> None:
    """A panel a network, both axes logarithmic; peers are dashed."""
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1]) as file:
        seconds = json.load(file)["seconds"]
    lines: dict[str, dict[str, list[tuple[int, float]]]] = defaultdict(lambda: defaultdict(list))
    for key, median in seconds.items():
        network, side, engine = key.split(" ", 2)
        lines[network][engine].append((int(side), median))
    figure, panels = pyplot.subplots(1, len(lines), figsize=(8 * len(lines), 5), squeeze=False)
    for panel, (network, engines) in zip(panels[0], lines.items(), strict=True):
        slowest_first = sorted(engines.items(), key=lambda item: -max(item[1])[1])  # as the lines end on the right
        for number, (engine, points) in enumerate(slowest_first):
            style = "o--" if engine.startswith("peer") else "o-"
            panel.plot(*zip(*sorted(points), strict=True), style, label=engine, color=pyplot.cm.tab20(number))
        panel.set(xscale="log", yscale="log", title=network, xlabel="side of the input, px", ylabel="seconds")
        panel.set_xticks(sides := sorted({side for points in engines.values() for side, _ in points}), map(str, sides))
        panel.minorticks_off()
        panel.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
    figure.tight_layout()
    figure.savefig(sys.argv[2], dpi=100)


if __name__ == "__main__":
    main()
