"""Where a function can run: a row for each library, device and mode.

A family of libraries is a module here: adapters, subclasses of `Backend`, and the ``ROWS`` that
they make. No library is imported before the first use of its rows.
"""

from importlib.util import find_spec

from arraylogit.testing.backends import cupy, dask, further, jax, numpy, strict, torch
from arraylogit.testing.backends.base import FEATURES, FLOATS, Backend, dtype_of

__all__ = ["BACKENDS", "FEATURES", "FLOATS", "Backend", "dtype_of"]

FAMILIES = (numpy, dask, strict, cupy, torch, jax, further)

BACKENDS: dict[str, Backend] = {
    row.name: row
    for row in sorted(
        (row for family in FAMILIES for row in family.ROWS), key=lambda row: ":cuda" in row.name
    )
}
"""All of them, installed or not, those on GPUs last."""


def register(backend: Backend) -> Backend:
    """Add a row to those that are known."""
    if backend.name in BACKENDS:
        raise ValueError(f"two backends are called {backend.name}")
    BACKENDS[backend.name] = backend
    return backend


def backend(name: str) -> Backend:
    """Return the backend of a name."""
    if name not in BACKENDS:
        raise ValueError(f"no backend is called {name!r}: there are {', '.join(BACKENDS)}")
    return BACKENDS[name]


def others(than: Backend) -> list[Backend]:
    """Return a backend, of those that are here, for each library but that of a backend."""
    names = ("numpy", "torch:eager", "jax:eager", "array_api_strict", "dask")
    return [
        chosen
        for chosen in map(backend, names)
        # Subclasses are for arrays that hold those of the same library.
        if not isinstance(than, type(chosen))
        if chosen.library != than.library
        if not chosen.missing()
    ]


def select(prefixes: str) -> list[Backend]:
    """Return the backends that a comma-separated list of names or their beginnings means."""
    chosen = []
    for prefix in parts(prefixes):
        found = _beginning_with(prefix)
        if not found:
            raise ValueError(f"no backend begins with {prefix!r}: {', '.join(BACKENDS)}")
        chosen += [b for b in found if b not in chosen]
    return chosen


def absent(names: str) -> list[str]:
    """Return why what a comma-separated list names cannot run here.

    A name is that of backends, as for `select`, or of any other library to import. By the name of
    a library alone no GPU is meant.
    """
    reasons = []
    for name in parts(names):
        found = _beginning_with(name)
        for b in found:
            without_device = ":cuda" in b.name and ":cuda" not in name
            reason = Backend.missing(b) if without_device else b.missing()
            if reason:
                reasons.append(f"{b}: {reason}")
        if not found and not find_spec(name.partition(".")[0]):
            reasons.append(
                f"{name!r} is neither an installed library nor the beginning of a backend: "
                f"{', '.join(BACKENDS)}"
            )
    return reasons


def parts(names: str) -> list[str]:
    """Return the names of a comma-separated list."""
    return [name for part in names.split(",") if (name := part.strip())]


def _beginning_with(prefix: str) -> list[Backend]:
    return [b for b in BACKENDS.values() if f"{b.name}:".startswith(f"{prefix}:")]
