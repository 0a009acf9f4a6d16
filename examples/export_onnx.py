"""Write a function as an ONNX model for arrays of every length, for any ONNX runtime.

    python examples/export_onnx.py logit.onnx --eps 1e-6 --dtype float32
    python examples/export_onnx.py expit.onnx --function expit --ndim 2

ndonnx traces the call. The model has an input x, of any size along each of its axes, and an
output y of the same dtype.
"""

import argparse
from pathlib import Path

import ndonnx
import onnx

import arraylogit

DTYPES = ("float16", "float32", "float64")


def model_of(function, dtype="float32", ndim=1, **options):
    """Return a call with some options as a model."""
    x = ndonnx.argument(shape=(None,) * ndim, dtype=getattr(ndonnx, dtype))
    model = ndonnx.build({"x": x}, {"y": function(x, **options)})
    onnx.checker.check_model(model, full_check=True)
    return model


def main():
    parser = argparse.ArgumentParser(description="One of the functions as an ONNX model.")
    parser.add_argument("file", type=Path, help="the .onnx file to write")
    parser.add_argument("--function", default="logit", choices=arraylogit.special.__all__)
    parser.add_argument("--dtype", default="float32", choices=DTYPES)
    parser.add_argument("--ndim", default=1, type=int, help="number of axes (default: 1)")
    parser.add_argument("--eps", type=float, help="clamp to [EPS, 1 - EPS] first (logit)")
    args = parser.parse_args()
    options = {} if args.eps is None else {"eps": args.eps}
    try:
        model = model_of(getattr(arraylogit, args.function), args.dtype, args.ndim, **options)
    except (TypeError, ValueError) as error:
        parser.exit(2, f"{error}\n")
    args.file.write_bytes(model.SerializeToString())
    print(f"{args.file}: {args.function} in {args.dtype}, {len(model.graph.node)} operations")


if __name__ == "__main__":
    main()
