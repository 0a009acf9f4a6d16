"""Draw the speed of logit relative to the functions it replaces, from the committed benchmarks.

python -m docs.figures.speed [docs/figures/speed.svg]
"""

import argparse
import json
from pathlib import Path

RESULTS = Path(__file__).parents[1] / "results" / "benchmarks"
SIZE = 1_000_000
# By library and peer, as in the results.
BARS = {
    ("numpy", "scipy"): "NumPy: scipy.special.logit",
    ("numpy", "formula"): "NumPy: log(x / (1 - x))",
    ("torch", "torch"): "torch: torch.logit",
    ("torch", "formula"): "torch: log(x / (1 - x))",
    ("numpy-engine", "scipy"): "NumPy, engine: scipy.special.logit",
    ("torch-engine", "torch"): "torch, engine: torch.logit",
    ("jax-jitted", "jax"): "jax.jit: jax.scipy.special.logit",
    ("jax-jitted", "formula"): "jax.jit: log(x / (1 - x))",
}
COLOURS = {"float32": "C0", "float64": "C9"}


def ratios():
    """Return the time of each peer over that of logit, by bar and dtype."""
    rows = [
        row
        for path in sorted(RESULTS.glob("*.json"))
        for row in json.loads(path.read_text("utf-8"))["rows"]
        if (row["function"], row["case"], row["size"]) == ("logit", "plain", SIZE)
    ]
    return {
        (label, row["dtype"]): row["ratio"]
        for key, label in BARS.items()
        for row in rows
        if (row["library"], row["peer"]) == key and row["dtype"] in COLOURS
    }


def plot(path, found):
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    labels = list(dict.fromkeys(label for label, _ in found))[::-1]
    with rc_context({"svg.hashsalt": "arraylogit", "font.size": 13}):
        figure = Figure(figsize=(7, 6.2), layout="constrained")
        axes = figure.subplots()
        for offset, (dtype, colour) in zip((0.2, -0.2), COLOURS.items(), strict=True):
            widths = [found[label, dtype] for label in labels]
            places = [i + offset for i in range(len(labels))]
            bars = axes.barh(places, widths, 0.38, color=colour, label=dtype)
            axes.bar_label(bars, [f"{width:.2g}" for width in widths], padding=3, fontsize=11)
        axes.axvline(1, color="0.5", linestyle="--", linewidth=1)
        # The library above what is called there.
        axes.set_yticks(range(len(labels)), [label.replace(": ", "\n") for label in labels])
        axes.set(xscale="log", xlim=(0.1, 30))
        axes.set_xlabel("its time / the time of arraylogit.logit\n(above 1, arraylogit is faster)")
        axes.set_xticks([0.1, 0.3, 1, 3, 10], ["0.1", "0.3", "1", "3", "10"])
        axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
        figure.savefig(path, metadata={"Date": None})


def main():
    parser = argparse.ArgumentParser(description="Draw how quick logit is next to others.")
    parser.add_argument("path", nargs="?", default="docs/figures/speed.svg")
    plot(parser.parse_args().path, ratios())


if __name__ == "__main__":
    main()
