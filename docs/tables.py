"""A Sphinx extension: the tables of the reference, from the data that the tests run on.

``:::{table-of} NAME`` stands for the Markdown that a function of this module returns.
"""

import math
from collections.abc import Iterable
from itertools import groupby

from docutils.parsers.rst import Directive
from sphinx.util.parsing import nested_parse_to_nodes
from tests import test_derivatives, test_eps
from tests.conftest import LIBRARIES

from arraylogit.testing import registry
from arraylogit.testing.budgets import rows
from arraylogit.testing.functions import FUNCTIONS, curve_of, curves, function_of


def rules() -> str:
    """Return the requirements, numbered, each with an anchor named after its id."""
    lines = []
    by_group = groupby(registry.load().values(), lambda rule: rule.id.partition("/")[0])
    for i, (group, members) in enumerate(by_group, 1):
        lines += [f"## {i}. {group}", ""]
        for j, rule in enumerate(members, 1):
            about = rule.functions
            scope = "" if about == tuple(FUNCTIONS) else f" *({', '.join(about)})*"
            lines += [
                f"(rule-{rule.id})=",
                f"**{i}.{j}** `{rule.id}`{scope}: {rule.statement}",
                "",
            ]
    return "\n".join(lines)


def budgets() -> str:
    """Return the largest errors allowed."""
    columns = ("kind", "function", "dtype", "backend", "ulp", "reason")
    return _table(columns, ([row[name] for name in columns] for row in rows()))


def deviations() -> str:
    """Return the failures that are known."""
    columns = ("target", "backend", "function", "requirement", "reason")
    return _table(
        (*columns, ""),
        (
            [*(getattr(row, name) for name in columns), f"[more]({row.link})"]
            for row in registry.deviations()
        ),
    )


def special_values() -> str:
    """Return the values that are exact or limits."""
    rows = []
    for function in curves():
        cases = (f"{_number(x)} → {_number(y)}" for x, y in curve_of(function).special.items())
        first, last = function_of(function).domain
        domain = f"[{_number(first)}, {_number(last)}]"
        name = f"{function.removesuffix('_derivative')}{'′' * function.endswith('_derivative')}"
        rows.append((name, domain, "; ".join(cases)))
    return _table(("function", "NaN outside", "special values"), rows)


def dtypes() -> str:
    """Return the dtype of the result for each dtype and library."""
    floats = ("float16", "bfloat16", "float32", "float64")
    return _table(
        ("input on", "bool and integers", *floats),
        (
            (
                library.name,
                library.default,
                *(dtype if dtype in library.dtypes else "–" for dtype in floats),
            )
            for library in LIBRARIES
        ),
    )


def eps() -> str:
    """Return the results of clamped 0 and 1 in float32."""
    return _table(
        ("eps", "logit(0, eps)", "logit(1, eps)"),
        ([repr(eps), _number(low), _number(high)] for eps, low, high in test_eps.TABLE),
    )


def refused_eps() -> str:
    """Return the values of `eps` that are refused."""
    rows = [(f"`{eps!r}`", error.__name__) for eps, error in test_eps.REFUSED[:-1]]
    return _table(("eps", "error"), rows)


def derivatives() -> str:
    """Return first and second derivatives, cell by cell."""
    return _table(
        ("function", "eps", "x", "first derivative", "second derivative"),
        (
            (name, eps, *map(_number, (x, first)), "" if second is None else _number(second))
            for name, eps, x, first, second in test_derivatives.TABLE
        ),
    )


def _table(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    def line(cells):
        return f"| {' | '.join(str(cell).replace('|', '∣').replace('*', '∗') for cell in cells)} |"

    columns = tuple(columns)
    return "\n".join([line(columns), line("-" * len(columns)), *map(line, rows)])


def _number(x: float) -> str:
    if math.isinf(x):
        return "+∞" if x > 0 else "−∞"
    return "NaN" if math.isnan(x) else f"{x:.8g}".replace("-", "−")


TABLES = {
    f.__name__.replace("_", "-"): f
    for f in (
        rules,
        budgets,
        deviations,
        special_values,
        dtypes,
        eps,
        refused_eps,
        derivatives,
    )
}


class TableOf(Directive):
    """One of `TABLES`, parsed as Markdown."""

    required_arguments = 1

    def run(self):
        text = TABLES[self.arguments[0]]()
        self.state.document.settings.env.note_reread()  # its data may change
        return nested_parse_to_nodes(
            self.state, text, source=f"table-of {self.arguments[0]}", allow_section_headings=True
        )


def setup(app):
    app.add_directive("table-of", TableOf)
    return {"parallel_read_safe": True}
