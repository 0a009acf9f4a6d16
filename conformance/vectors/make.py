"""Write the reference tables: inputs and their correctly rounded results.

    python -m conformance.vectors.make             # the tables here, and their checksums
    python -m conformance.vectors.make --xsref DIR # parquet for SciPy's xsref, needs pyarrow

`README.md` describes the layout.
"""

import argparse
import hashlib
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

import ml_dtypes
import mpmath
import numpy as np

from arraylogit.testing import inputs, reference
from arraylogit.testing.functions import curves, function_of

Array = np.ndarray

HERE = Path(__file__).parent
CHECKSUMS = HERE / "SHA256SUMS"
NAMES = curves()

# The one-letter codes of NumPy and ml_dtypes, by which xsref names its files.
DTYPES = {
    "e": np.dtype(np.float16),
    "E": np.dtype(ml_dtypes.bfloat16),
    "f": np.dtype(np.float32),
    "d": np.dtype(np.float64),
}

POINTS = 4000
"""Inputs of a table besides the hard ones, in formats with too many numbers to list them."""


def load(function: str, dtype: Any, folder: Path = HERE) -> tuple[Array, Array]:
    """Return the inputs and results of one table."""
    dtype = np.dtype(dtype)
    with np.load(folder / function / f"{dtype.char}-{dtype.char}.npz") as table:
        # NumPy's files do not know bfloat16: its bits are kept as integers.
        return table["in0"].view(dtype), table["out0"].view(dtype)


def choose(function: str, dtype: Any) -> Array:
    """Return the inputs of a table: all of the domain in 16 bits, structured ones in more."""
    first, last = function_of(function).domain
    if dtype.itemsize == 2:
        x = inputs.at(dtype, inputs.keys(dtype, first, last))
    else:
        x = inputs.structured(function, dtype, POINTS)
        some = np.random.default_rng(0).choice(x, POINTS, replace=False)
        x = np.union1d(some, inputs.hard(function, dtype))
    ends = np.asarray([x for x, _ in inputs.special(function)], dtype)
    return np.concatenate([ends, inputs.outside(function, dtype), x])


def write(function: str, code: str, folder: Path = HERE) -> Path:
    """Compute and write one table."""
    dtype = DTYPES[code]
    x = choose(function, dtype)
    y = reference.rounded(function, x)
    path = folder / function / f"{code}-{code}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    bits = np.uint16 if code == "E" else dtype
    np.savez_compressed(path, in0=x.view(bits), out0=y.view(bits))
    return path


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_xsref(function: str, code: str, folder: Path) -> None:
    """Write a table as the pair of parquet files that xsref keeps for a function."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    x, y = load(function, DTYPES[code])
    metadata = {"in": code, "out": code, "function": function}
    target = folder / function
    target.mkdir(parents=True, exist_ok=True)
    in_path, out_path = (target / f"{side}_{code}-{code}.parquet" for side in ("In", "Out"))
    zstd = {"compression": "zstd", "compression_level": 22}
    pq.write_table(pa.table({"in0": x}).replace_schema_metadata(metadata), in_path, **zstd)
    metadata |= {"input_checksum": digest(in_path), "mpmath_version": mpmath.__version__}
    table = pa.table({"out0": y, "fallback": np.zeros(y.shape, bool)})
    pq.write_table(table.replace_schema_metadata(metadata), out_path, **zstd)


def main(arguments: list[str] | None = None) -> None:
    """Write all tables."""
    parser = argparse.ArgumentParser("python -m conformance.vectors.make", description=__doc__)
    parser.add_argument("--xsref", type=Path, help="folder for xsref's layout instead")
    chosen = parser.parse_args(arguments)
    if chosen.xsref:
        for function, code in product(NAMES, "fd"):
            write_xsref(function, code, chosen.xsref)
        return
    with ProcessPoolExecutor() as pool:
        paths = list(pool.map(write, *zip(*product(NAMES, DTYPES), strict=True)))
    lines = [f"{digest(path)}  {path.relative_to(HERE).as_posix()}\n" for path in sorted(paths)]
    CHECKSUMS.write_text("".join(lines))


if __name__ == "__main__":
    main()
