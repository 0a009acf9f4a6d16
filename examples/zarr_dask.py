"""Log-odds of more probabilities than fit in memory: from one Zarr store to another.

    python examples/zarr_dask.py probabilities.zarr log_odds.zarr --eps 1e-6
    python examples/zarr_dask.py /tmp/p.zarr /tmp/z.zarr --make 1e9          # random ones first
    python examples/zarr_dask.py p.zarr z.zarr --scheduler tcp://10.0.0.1:8786

Dask reads, transforms and writes chunk by chunk, on the threads of this machine or on the
workers of an existing cluster, which must see both stores. The result has the chunks, the dtype
and the attributes of the input.
"""

import argparse
import resource
import sys

import dask.array as da
import zarr
from dask.diagnostics import ProgressBar

from arraylogit import logit

CHUNK = 2**22  # elements: 16 MiB of float32, a few of which are held by each thread


def make(store, size):
    """Write random probabilities in float32 to a new store."""
    target = zarr.create_array(
        store, shape=(size,), chunks=(min(CHUNK, size),), dtype="float32", compressors=None
    )
    x = da.random.default_rng(0).random(size, chunks=target.chunks, dtype="float32")
    with ProgressBar(out=sys.stderr):
        da.store(x, target, lock=False)


def transform(source, store, eps):
    """Return the delayed writing of the log-odds of a Zarr array to a new store."""
    y = logit(da.from_zarr(source), eps)
    target = zarr.create_array(
        store,
        shape=y.shape,
        chunks=source.chunks,
        dtype=y.dtype,
        compressors=source.compressors,
        attributes=dict(source.attrs),
    )
    return da.store(y, target, lock=False, compute=False)  # no chunk is written by two tasks


def run(written, scheduler):
    """Compute, with a progress bar."""
    if scheduler is None:
        with ProgressBar(out=sys.stderr):
            written.compute()
        return
    from distributed import Client, progress

    with Client(scheduler) as client:
        future = client.compute(written)
        progress(future, notebook=False)
        future.result()


def main():
    parser = argparse.ArgumentParser(description="Log-odds from one Zarr store to another.")
    parser.add_argument("source", help="Zarr array of probabilities")
    parser.add_argument("target", help="Zarr array to create")
    parser.add_argument("--eps", type=float, help="clamp to [EPS, 1 - EPS] first")
    parser.add_argument(
        "--make",
        type=lambda text: int(float(text)),
        metavar="N",
        help="first create SOURCE, of N random numbers",
    )
    parser.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster that runs")
    args = parser.parse_args()
    try:
        if args.make:
            make(args.source, args.make)
        source = zarr.open_array(args.source, mode="r")
        written = transform(source, args.target, args.eps)
    except (FileNotFoundError, zarr.errors.ContainsArrayError, TypeError, ValueError) as error:
        parser.exit(2, f"{error}\n")
    run(written, args.scheduler)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in KiB on Linux
    print(f"{source.size:,} elements, {source.nbytes / 2**20:,.0f} MiB read and written")
    print(f"{peak / 2**10:,.0f} MiB of memory at most")


if __name__ == "__main__":
    main()
