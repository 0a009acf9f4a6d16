"""Results as Markdown and as a figure."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

NAMES = {
    "numpy": "NumPy",
    "numpy-engine": "NumPy, engine",
    "torch": "torch",
    "torch-engine": "torch, engine",
    "torch-compiled": "torch.compile",
    "jax": "JAX, not jitted",
    "jax-jitted": "jax.jit",
    "torch-cuda": "torch on CUDA",
    "torch-cuda-compiled": "torch.compile on CUDA",
    "cupy": "CuPy",
}
PEERS = {
    "scipy": {
        "logit": "`scipy.special.logit`",
        "expit": "`scipy.special.expit`",
        "log_expit": "`scipy.special.log_expit`",
        "logit_exp": "`scipy.special.logit(exp(x))`",
    },
    "torch": {
        "logit": "`torch.logit`",
        "expit": "`torch.sigmoid`",
        "log_expit": "`torch` `logsigmoid`",
    },
    "jax": {
        "logit": "`jax.scipy.special.logit`",
        "expit": "`jax.nn.sigmoid`",
        "log_expit": "`jax.nn.log_sigmoid`",
    },
}
BEGIN, END = "<!-- benchmark -->", "<!-- /benchmark -->"

Row = dict[str, Any]


def read(paths: Iterable[Path]) -> dict[str, Any]:
    """Return the results of all files together."""
    files = [json.loads(path.read_text()) for path in paths]
    return {
        "rows": [row for file in files for row in file["rows"]],
        "memory": [row for file in files for row in file["memory"]],
        "startup": {name: ratio for file in files for name, ratio in file["startup"].items()},
    }


def line(row: Row) -> str:
    """Return one result for the terminal."""
    return (
        f"{row['library']:20} {row['function']:20} {row['dtype']:9} {row['size']:<10} "
        f"{row['case']:9} {row['peer']:16} {row['ratio']:7.2f} "
        f"({row['low']:.2f} to {row['high']:.2f})"
    )


def table(rows: Iterable[Row], *, functions: bool = True, limits: bool = True) -> str:
    """Return a Markdown table: a line for each comparison, a column for each dtype."""
    rows = [row for row in rows if limits or row["peer"] in {*PEERS, "formula"}]
    dtypes = [d for d in ("float16", "bfloat16", "float32", "float64") if d in _of(rows, "dtype")]
    cells: dict[tuple[str, ...], dict[str, str]] = {}
    for row in rows:
        case = "" if row["case"] == "plain" else f", {row['case']}"
        peer = PEERS.get(row["peer"], {}).get(row["function"], row["peer"])
        head = (NAMES[row["library"]] + case, *([row["function"]] if functions else []), peer)
        cells.setdefault(head, {})[row["dtype"]] = f"{row['ratio']:.2g}"
    columns = ["library", *(["function"] if functions else []), "against", *dtypes]
    lines = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    for head, by_dtype in cells.items():
        lines.append("| " + " | ".join([*head, *(by_dtype.get(d, "") for d in dtypes)]) + " |")
    return "\n".join(lines)


def short_table(results: dict[str, Any]) -> str:
    """Return the table of the README: logit, a million numbers, and what users call instead."""
    chosen = [
        row
        for row in results["rows"]
        if (row["function"], row["size"], row["case"]) == ("logit", 10**6, "plain")
        and row["library"] != "jax"
        and row["dtype"] in ("float32", "float64")
    ]
    return table(chosen, functions=False, limits=False)


def full_tables(results: dict[str, Any]) -> str:
    """Return the tables of docs/performance.md."""
    rows, parts = results["rows"], []
    for size in sorted(_of(rows, "size"), reverse=True):
        here = [row for row in rows if row["size"] == size]
        parts += [f"### {size:,} {'number' if size == 1 else 'numbers'}", table(here)]
    if results["memory"]:
        parts += ["### Memory", "| library | function | dtype | case | MiB beyond the results |"]
        parts[-1] += "\n|---|---|---|---|---|"
        for row in results["memory"]:
            parts[-1] += (
                f"\n| {NAMES[row['library']]} | {row['function']} | {row['dtype']} "
                f"| {row['case']}, {row['size']:,} numbers | {row['MiB']:.1f} |"
            )
    if results["startup"]:
        parts += ["### Start"]
        parts += ["| what | ratio |\n|---|---|"]
        for name, ratio in results["startup"].items():
            parts[-1] += f"\n| {name} | {ratio:.2g} |"
    return "\n\n".join(parts)


def update_documents(root: Path) -> None:
    """Put the tables of the committed results between their marks in the documents."""
    results = read(committed(root))
    for path, table in tables_of_documents(root, results).items():
        head, begin, rest = path.read_text().partition(BEGIN)
        _, end, tail = rest.partition(END)
        path.write_text(f"{head}{begin}\n{table}\n{end}{tail}")


def committed(root: Path) -> list[Path]:
    """Return the files of results in the repository."""
    return sorted((root / "docs" / "results" / "benchmarks").glob("*.json"))


def tables_of_documents(root: Path, results: dict[str, Any]) -> dict[Path, str]:
    """Return the tables of each document."""
    return {
        root / "README.md": short_table(results),
        root / "docs" / "performance.md": full_tables(results),
    }


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw the ratios of the plain case over the sizes, a panel for each library."""
    from matplotlib.figure import Figure

    rows = [
        row
        for row in results["rows"]
        if row["case"] == "plain" and row["peer"] in {*PEERS, "formula"}
    ]
    libraries = sorted(_of(rows, "library"))
    figure = Figure((4 * len(libraries), 3.5), layout="constrained")
    panels = figure.subplots(1, len(libraries), sharey=True, squeeze=False)[0]
    for panel, library in zip(panels, libraries, strict=True):
        curves: dict[str, list[tuple[int, float]]] = {}
        for row in rows:
            if row["library"] == library:
                name = f"{row['function']} {row['dtype']} / {row['peer']}"
                curves.setdefault(name, []).append((row["size"], row["ratio"]))
        for name, points in curves.items():
            panel.plot(*zip(*sorted(points), strict=True), marker="o", label=name)
        panel.axhline(1, color="black", linewidth=0.8)
        panel.set(title=NAMES[library], xscale="log", yscale="log", xlabel="numbers")
        panel.legend(fontsize=6)
    panels[0].set_ylabel("time of the peer / time of arraylogit")
    figure.savefig(path)


def _of(rows: Iterable[Row], key: str) -> set[Any]:
    return {row[key] for row in rows}
