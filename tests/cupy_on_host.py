"""CuPy without a GPU: its arrays in the host's memory, its kernels built by NVRTC and run by g++.

Everything up to the launch of a kernel is CuPy's own. An array can take over launches by
`__cupy_override_elementwise_kernel__`: it gets the kernel and its arguments, and makes the source
that CuPy would compile for a device. That part of CuPy is private: see `VERSION`.
"""

import ctypes
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import ClassVar

import cupy as cp
import numpy as np
from cupy._core import _carray, _kernel, _scalar, core
from cupy.cuda import compiler, memory

VERSION = "14.2."
if not cp.__version__.startswith(VERSION):
    raise RuntimeError(
        f"tests/cupy_on_host.py uses private functions of CuPy {VERSION}*, and this is "
        f"{cp.__version__}: see whether `_kernel` and `core` are the same there"
    )

_INCLUDE = core._get_header_dir_path()
_NDARRAY, _INDEXER, _SCALAR = 1, 2, 3  # _ArgKind of CuPy's _kernel.pxd

# Definitions that CUDA has. NVRTC's -ftz=true affects float32 only; the bits of MXCSR that make
# subnormal results 0 and take subnormal inputs for 0 affect float64 too.
_SHIM = """
#include <bits/stl_algobase.h>  // min, max
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <xmmintrin.h>
using namespace std;
#define __device__
#define __host__
#define __global__
#define __forceinline__ inline
typedef float floats __attribute__((vector_size(16)));
typedef short halves __attribute__((vector_size(16)));
static unsigned short __float2half_rn(float x) {
  return __builtin_ia32_vcvtps2ph(floats{x}, 0)[0];
}
static float __half2float(unsigned short x) {
  return __builtin_ia32_vcvtph2ps(halves{(short)x})[0];
}
struct half;  // CuPy's own, as there is no cuda_fp16.h
unsigned short __half_as_ushort(half);
half __ushort_as_half(unsigned short);
static int __popc(unsigned x) { return __builtin_popcount(x); }
static int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
static const struct { ptrdiff_t x; } blockIdx{0}, blockDim{1}, threadIdx{0}, gridDim{1};
#include <cupy/carray.cuh>
#include <cupy/float16.cuh>
#include <cupy/math_constants.h>
"""


class Device:
    """In place of CUDA's device: each kernel records the current one."""

    current: ClassVar = [0]

    def __init__(self, number):
        self.id = number

    def __eq__(self, other):
        return self.id == other.id

    def __hash__(self):
        return self.id

    def __enter__(self):
        self.current.append(self.id)

    def __exit__(self, *exception):
        self.current.pop()


class Array(cp.ndarray):
    """An array in the host's memory, on a simulated device."""

    @property
    def device(self):
        return Device(self.data.device_id)

    def astype(self, dtype, copy=True):
        return asarray(self.numpy().astype(dtype), self.data.device_id)

    def copy(self):
        return asarray(self.numpy(), self.data.device_id)

    def numpy(self):
        """Return NumPy's view of the elements."""
        interface = {"version": 3, "shape": self.shape, "typestr": self.dtype.str}
        interface |= {"data": (self.data.ptr, False), "strides": self.strides}
        holder = type("Memory", (), {"__array_interface__": interface, "owner": self.data.mem})()
        return np.asarray(holder)

    def __cupy_override_elementwise_kernel__(self, kernel, *args, **kwargs):
        if isinstance(kernel, _kernel.ufunc):  # of 0-d arrays, or what cannot be fused
            return self._evaluate(kernel, args, **kwargs)
        if len(args) == kernel.nin:
            arrays = [a for a in args if isinstance(a, cp.ndarray)]
            shape = np.broadcast_shapes(*(a.shape for a in arrays))
            args += tuple(
                asarray(np.empty(shape, p.dtype), self.data.device_id) for p in kernel.out_params
            )
        launch = Launch(kernel, args)
        launches.append(launch)
        launch.run()
        return args[-1] if kernel.nout else None

    def _evaluate(self, kernel, args, **kwargs):
        name = kernel.name.removeprefix("cupy_")
        assert self.data.device_id == Device.current[-1], "of another device"
        args = [a.numpy() if isinstance(a, cp.ndarray) else a for a in args]
        with np.errstate(all="ignore"):
            return asarray(np.asarray(getattr(np, name)(*args)), self.data.device_id)


def asarray(x, device=0):
    """Return an array with a copy of the values, dtype and strides of NumPy's."""
    base = np.array(x, order="K")
    block = memory.UnownedMemory(base.ctypes.data, max(base.nbytes, 1), base, device_id=device)
    return Array(base.shape, base.dtype, memory.MemoryPointer(block, 0), base.strides)


launches: list["Launch"] = []
"""Those since the list was last cleared."""


class Launch:
    """A kernel with its arguments: the source, what NVRTC makes of it, and its run on the CPU."""

    contraction = "fast"  # products and sums may become one FMA, as NVRTC has it; or "off"

    def __init__(self, kernel, args):
        self.name, self.device = kernel.name, Device.current[-1]
        self._args = args
        self._params = kernel.params[:-1]
        shape = np.broadcast_shapes(*(np.shape(a.numpy()) for a in args if _is_array(a)))
        self._shape, self._n = shape, int(np.prod(shape))
        self._infos = [
            _kernel._ArgInfo(_NDARRAY, cp.ndarray, a.dtype, 1, a.shape == shape, True)
            if _is_array(a)
            else _kernel._ArgInfo(_SCALAR, _scalar.CScalar, np.dtype(type(a)), 0, True, True)
            for a in args
        ]
        indexer = _kernel._ArgInfo(_INDEXER, _carray.Indexer, None, 1, True, True)
        self.source = _kernel._get_elementwise_kernel_code(
            (*self._infos, indexer),
            _kernel._TypeMap(()),
            kernel.params,
            kernel.operation,
            kernel.name,
            kernel.preamble,
        )

    def ptx(self):
        """Return NVRTC's assembly."""
        return ptx(self.source)

    def run(self):
        """Run the kernel as C++ on contiguous copies, and copy its output back."""
        copies = [
            np.array(a.numpy(), order="C") if _is_array(a) else np.asarray(a) for a in self._args
        ]
        written = [
            i for i, p in enumerate(self._params) if _is_array(self._args[i]) and not p.is_const
        ]
        self._refuse_races(written)
        if self._n == 0:
            return
        pointers = (ctypes.c_void_p * len(copies))(*(c.ctypes.data for c in copies))
        _library(self._as_cpp(), self.contraction).run(pointers, ctypes.c_ssize_t(self._n))
        for i in written:
            self._args[i].numpy()[...] = copies[i]

    def _refuse_races(self, written):
        arrays = [(i, a) for i, a in enumerate(self._args) if _is_array(a)]
        for i in written:
            out = self._args[i]
            for j, a in arrays:
                same = (a.data.ptr, a.strides, a.dtype) == (out.data.ptr, out.strides, out.dtype)
                if j != i and not same and np.shares_memory(a.numpy(), out.numpy()):
                    raise AssertionError(f"{self.name} writes where other threads read")
            assert all(a.data.device_id == self.device for _, a in arrays), "of another device"

    def _as_cpp(self):
        lines = []
        for i, info in enumerate(self._infos):
            c_type = self._params[i].ctype
            if info.arg_kind == _SCALAR:
                lines.append(f"{c_type} a{i} = *({c_type} *)data[{i}];")
            else:
                step = f"sizeof({c_type})" if info.c_contiguous else "0"
                kind = f"CArray<{c_type}, 1, {info.c_contiguous:d}, {info.index_32_bits:d}>"
                lines.append(f"ptrdiff_t step{i} = {step};")
                lines.append(f"{kind} a{i}(({c_type} *)data[{i}], &n, &step{i});")
        declarations = "\n".join(lines)
        arguments = ", ".join(f"a{i}" for i in range(len(self._infos)))
        flush = "double" not in declarations
        thrust = ""
        if "thrust" in declarations:  # the header takes longer to compile than all the rest
            thrust = "#include <complex>\nnamespace thrust = std;\n"
        return (
            f'{thrust}{_SHIM}{self.source}\nextern "C" void run(void **data, ptrdiff_t n) {{\n'
            f"{declarations}\nCIndexer<1, 1> index(&n);\n"
            f"unsigned before = _mm_getcsr();\n_mm_setcsr(before | {0x8040 if flush else 0});\n"
            f"{self.name}({arguments}, index);\n_mm_setcsr(before);\n}}\n"
        )


def _is_array(x):
    return isinstance(x, cp.ndarray)


@cache
def ptx(source):
    """Return the assembly that NVRTC makes of a source, with CuPy's headers and options."""
    header = "".join(f"#include <{name}>\n" for name in core._cupy_header_list)
    options = (*core.assemble_cupy_compiler_options(()), "-ftz=true", "-arch=compute_80")
    program = compiler._NVRTCProgram(header + source, "kernel.cu", method="ptx")
    text, _ = program.compile((*options, "--device-as-default-execution-space"))
    return text.decode()


@cache
def _library(source, contraction):
    folder = Path(_folder().name)
    path = folder / f"{len(list(folder.iterdir()))}.so"
    command = ["g++", "-xc++", "-std=c++17", "-O2", "-march=native", "-shared", "-fPIC", "-w"]
    command += ["-fno-semantic-interposition"]  # so that the operations are inlined
    command += [f"-ffp-contract={contraction}", f"-I{_INCLUDE}", "-", "-o", path]
    built = subprocess.run(command, input=source, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return ctypes.CDLL(path)


@cache
def _folder():
    return tempfile.TemporaryDirectory()
