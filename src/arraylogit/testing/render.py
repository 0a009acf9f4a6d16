"""report.json for people: as a page and as Markdown."""

import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from math import inf
from pathlib import Path
from typing import Any

import jinja2

from arraylogit.testing.axis import LARGEST
from arraylogit.testing.functions import FUNCTIONS
from arraylogit.testing.measure import BINS, regions, tier
from arraylogit.testing.plot import Curve, Figure
from arraylogit.testing.records import region
from arraylogit.testing.registry import PROFILES, profile

Document = dict[str, Any]

MARKS = {
    "broken": "✗",
    "error": "!",
    "deviation": "◐",
    "not run": "○",
    "kept": "✓",
    "unsupported": "–",
    "not applicable": "·",
}
"""A sign for each state, the one that matters most first."""

CHECKED = ("kept", "broken", "error", "deviation")
"""The states of what has been checked."""

KINDS = [
    (dtype, derivative)
    for derivative in (False, True)
    for dtype in ("float32", "float64", "float16", "bfloat16")
]
"""Tables of errors: in which dtype, and whether of the derivative."""


@dataclass(frozen=True)
class Failure:
    """The message of a check, and its subjects."""

    detail: str
    subjects: tuple[tuple[str, str], ...]

    @property
    def where(self) -> str:
        """Backends and functions in words."""
        backends: dict[tuple[str, ...], list[str]] = {}
        for function in FUNCTIONS:
            found = tuple(backend for backend, name in self.subjects if name == function)
            if found:
                backends.setdefault(found, []).append(function)
        parts = (f"{', '.join(f)} on {', '.join(names)}" for names, f in backends.items())
        return "; ".join(parts)


@dataclass(frozen=True)
class Column:
    """A target on a backend."""

    target: str
    backend: str
    subjects: tuple[Document, ...]

    def outcomes(self, id: str) -> dict[str, Document]:
        """Return the outcome of a requirement for each function."""
        return {s["function"]: s["requirements"][id] for s in self.subjects}

    def state(self, id: str) -> str:
        """Return the state that matters most among the functions."""
        return worst(outcome["state"] for outcome in self.outcomes(id).values())

    def anchor(self, id: str) -> str:
        """Return the id of a cell, which is the same in every report."""
        return cell_id(self.target, self.backend, id)

    def title(self, id: str) -> dict[str, str]:
        """Return the title of a cell whose functions differ: those that do not keep it."""
        by_state: dict[str, list[str]] = {}
        for function, outcome in self.outcomes(id).items():
            by_state.setdefault(outcome["state"], []).append(function)
        by_state.pop("not applicable", None)
        if len(by_state) < 2:
            return {}
        by_state.pop("kept", None)
        lines = (f"{state}: {', '.join(functions)}" for state, functions in by_state.items())
        return {"title": "\n".join(lines)}


@dataclass(frozen=True)
class Target:
    """Everything about one target."""

    name: str
    columns: tuple[Column, ...]
    requirements: tuple[str, ...]

    @property
    def subjects(self) -> Iterator[Document]:
        """Its functions on all backends."""
        return (s for column in self.columns for s in column.subjects)

    @property
    def functions(self) -> list[str]:
        """Those that it has."""
        return list(dict.fromkeys(s["function"] for s in self.subjects))

    @cached_property
    def states(self) -> dict[str, str]:
        """By requirement, the state that matters most among functions and backends."""
        return {id: worst(column.state(id) for column in self.columns) for id in self.requirements}

    def with_state(self, state: str) -> list[str]:
        """Return the requirements in a state, of which others' functions need not keep ours."""
        whole = self.name.startswith("arraylogit")
        return [
            id
            for id, found in self.states.items()
            if found == state and (whole or profile(id) != "house")
        ]

    @property
    def profiles(self) -> Iterator[tuple[str, int, int]]:
        """How many requirements of each profile are kept, of those that are about it."""
        for name in PROFILES:
            states = [state for id, state in self.states.items() if profile(id) == name]
            if whole := sum(state in CHECKED for state in states):
                yield name, states.count("kept"), whole

    def with_any(self, state: str) -> list[str]:
        """Return the requirements in a state on any function or backend."""
        return [
            id
            for id in self.requirements
            if any(s["requirements"][id]["state"] == state for s in self.subjects)
        ]

    def failures(self, id: str, state: str) -> list[Failure]:
        """Return the different ways in which a requirement is not kept."""
        found: dict[str, list[tuple[str, str]]] = {}
        for s in self.subjects:
            if (outcome := s["requirements"][id])["state"] == state:
                text = outcome["detail"]
                found.setdefault(text, []).append((s["backend"], s["function"]))
        return [Failure(detail, tuple(where)) for detail, where in found.items()]

    def reasons(self, id: str) -> list[tuple[str, str]]:
        """Return why a deviation is recorded, with links."""
        outcomes = (s["requirements"][id] for s in self.subjects)
        found = ((o["reason"], o["link"]) for o in outcomes if o["state"] == "deviation")
        return list(dict.fromkeys(found))

    def worst(self, function: str, dtype: str) -> tuple[Document, str] | None:
        """Return the largest error of the values on any backend, and on which."""
        found = [
            (error, s["backend"])
            for s in self.subjects
            if s["function"] == function
            for error in s["errors"]
            if error["dtype"] == dtype and error["mode"] is None
        ]
        return max(found, key=lambda pair: float(pair[0]["overall"]["max"]), default=None)

    def largest(self, function: str, dtype: str) -> str:
        """Return the largest error of the values, its tier, and where it was found."""
        if (found := self.worst(function, dtype)) is None:
            return "–"
        error, backend = found
        x = float(error["overall"]["max"])
        return f"{number(x)} ({tier(x)}; {backend}, {region(error)})"

    def counts(self) -> Iterator[tuple[str, str, Document]]:
        """Yield backend, function and what was counted there, but for none."""
        for s in self.subjects:
            found = {
                name: count
                for outcome in s["requirements"].values()
                for name, count in outcome.get("counts", {}).items()
                if count.partition(" ")[0] not in ("0", "0,")
            }
            if found:
                yield s["backend"], s["function"], found


def cell_id(*names: str) -> str:
    """Return a short id of target, backend and requirement, or of a function too."""
    return f"c{zlib.crc32(' '.join(names).encode()):08x}"


def worst(states: Iterable[str]) -> str:
    """Return the state that matters most; not applicable where there is none."""
    return min(states, key=list(MARKS).index, default="not applicable")


@dataclass(frozen=True)
class Row:
    """Errors of a target, the same on some backends."""

    target: str
    error: Document
    backends: list[str]


class View:
    """A document, arranged as it is read."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.requirements = {r["id"]: r for r in document["requirements"]}
        self.targets = [t for name in document["targets"] if (t := self._target(name)).columns]

    def _target(self, name: str) -> Target:
        by_backend: dict[str, list[Document]] = {}
        for subject in self.document["subjects"]:
            if subject["target"] == name:
                by_backend.setdefault(subject["backend"], []).append(subject)
        columns = (Column(name, backend, tuple(s)) for backend, s in by_backend.items())
        return Target(name, tuple(columns), tuple(self.requirements))

    def number_of(self, target: str) -> int:
        """Return the place of a target among all, by which the page chooses one."""
        return [t.name for t in self.targets].index(target)

    @property
    def columns(self) -> list[Column]:
        """Each target on each backend."""
        return [column for target in self.targets for column in target.columns]

    @property
    def groups(self) -> dict[str, list[Document]]:
        """Requirements by the first part of their ids."""
        found: dict[str, list[Document]] = {}
        for id, entry in self.requirements.items():
            found.setdefault(id.partition("/")[0], []).append(entry)
        return found

    @property
    def functions(self) -> list[str]:
        """Those that any target has."""
        return [f for f in FUNCTIONS if any(f in t.functions for t in self.targets)]

    def errors(self, function: str, dtype: str, derivative: bool) -> list[tuple[Document, Any]]:
        """Return subjects and errors of one table."""
        return [
            (s, error)
            for s in self.document["subjects"]
            if s["function"] == function
            for error in s["errors"]
            if error["dtype"] == dtype and (error["mode"] is not None) == derivative
        ]

    def rows(self, function: str, dtype: str, derivative: bool) -> list[Row]:
        """Return the rows of one table; backends with the same errors share one."""
        found: dict[Any, Row] = {}
        for s, error in self.errors(function, dtype, derivative):
            key = s["target"], error["bound"], error["coverage"], error["flushed"]
            key += tuple(repr(error[part]) for part in ("overall", "regions"))
            row = found.setdefault(key, Row(s["target"], error, []))
            row.backends.append(s["backend"] + (f" {error['mode']}" if derivative else ""))
        order = [target.name for target in self.targets]
        return sorted(found.values(), key=lambda row: order.index(row.target))

    def figure(self, function: str, dtype: str) -> Figure | None:
        """Return the plots of the errors of a function, or None where nothing was measured."""
        curves: dict[str, list[Curve]] = {}
        for s, error in self.errors(function, dtype, derivative=False):
            if error.get("profile"):
                profile = tuple(map(tuple, error["profile"]))
                curves.setdefault(s["target"], []).append(Curve(s["backend"], profile))
        return Figure(function, dtype, curves) if curves else None

    def agreement(self, target: str, function: str) -> tuple[list[str], dict[Any, Document]]:
        """Return the backends of a function, and how each two of them compare."""
        pairs = {
            tuple(pair["backends"]): pair
            for pair in self.document["agreement"]
            if (pair["target"], pair["function"]) == (target, function)
        }
        return list(dict.fromkeys(name for pair in pairs for name in pair)), pairs


def number(x: float | str) -> str:
    """Return an error in ULP as text."""
    x = float(x)
    if x in (LARGEST, inf):
        return "∞"
    if x == 0:
        return "0"
    return f"{x:.4f}".rstrip("0").rstrip(".") if 0.001 <= x < 100 else f"{x:.3g}"


def percentage(part: int, whole: int) -> str:
    """Return a share as text that is 0 or 100 only if it is exactly that."""
    if part in (0, whole):
        return "100" if part else "–"
    share = 100 * part / whole
    if share < 0.01:
        return "<0.01"
    return f"{min(share, 99.99):.2f}" if share < 1 or share > 99 else f"{share:.1f}"


def cell(text: str) -> str:
    """Return text that Markdown shows as it is."""
    return re.sub(r"([\\\\`*_<>|\[\]])", r"\\\1", text)


def template(name: str) -> jinja2.Template:
    """Return a template, with what all of them use."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=jinja2.select_autoescape(["html"]),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {"number": number, "cell": cell}
    environment.globals |= {
        "MARKS": MARKS,
        "KINDS": KINDS,
        "BINS": BINS,
        "regions": regions,
        "percentage": percentage,
        "cell_id": cell_id,
        "FILTERS": ("broken", "deviation", "unsupported"),
    }
    return environment.get_template(name)


def text(name: str, **context: Any) -> str:
    """Return a rendered template of Markdown, without spaces at the ends of lines."""
    return re.sub(r" +$", "", template(name).render(**context), flags=re.MULTILINE)


def html(document: Document) -> str:
    """Return the report as one page that needs nothing else."""
    return template("report.html").render(view=View(document), document=document)


def markdown(document: Document) -> str:
    """Return the report as Markdown."""
    return text("report.md", view=View(document), document=document)


def write(document: Document, directory: Path) -> None:
    """Write report.md and report.html."""
    (directory / "report.md").write_text(markdown(document))
    (directory / "report.html").write_text(html(document))
