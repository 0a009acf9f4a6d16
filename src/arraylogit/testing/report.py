"""What a run found: collected, and written as JSON, Markdown and HTML."""

import json
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from arraylogit.testing import records, registry
from arraylogit.testing.backends import Backend
from arraylogit.testing.environment import environment
from arraylogit.testing.registry import Deviation, Requirement
from arraylogit.testing.subject import Subject
from arraylogit.testing.targets import Target

STATES = ("kept", "broken", "deviation", "not applicable", "not run")
"""What a requirement can be on a subject; a deviation is a failure that is recorded."""


@dataclass
class Report:
    """Collects the outcome of each requirement on each subject."""

    targets: list[Target]
    backends: list[Backend]
    quick: bool = False
    _subjects: list[Subject] = field(default_factory=list)
    _outcomes: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    _records: dict[str, dict[str, Any]] = field(default_factory=dict)

    def subjects(self) -> list[Subject]:
        """Return what is checked: each function of each target on each backend that is here."""
        if not self._subjects:
            self._subjects += subjects(self.targets, self.backends, self.quick)
        return self._subjects

    def not_run(self) -> dict[str, str]:
        """Return why backends that were asked for are not here, by name."""
        return {backend.name: reason for backend in self.backends if (reason := backend.missing())}

    def add(
        self,
        entry: Requirement,
        subject: Subject,
        state: str,
        detail: str = "",
        known: Deviation | None = None,
    ) -> None:
        """Record an outcome, one of `STATES`, and what the check recorded."""
        if state not in STATES:
            raise ValueError(f"state must be one of {', '.join(STATES)}, got {state!r}")
        outcome = {"state": state, "detail": detail}
        if known:
            outcome |= {"reason": known.reason, "link": known.link}
        found = self._records.setdefault(repr(subject), {"errors": []})
        for name, record in subject.records.items() if state != "not applicable" else ():
            if name == "errors":
                found["errors"] += [{"requirement": entry.id, **error} for error in record]
            elif name == "values":
                found["values"] = record
            else:
                outcome.setdefault("counts", {})[name] = record
        self._outcomes[repr(subject), entry.id] = outcome

    def verdict(self) -> list[str]:
        """Return what was found in about ten lines for a target."""
        lines = []
        for target in self.targets:
            found: dict[str, list[tuple[str, Subject, str]]] = {state: [] for state in STATES}
            for subject in self.subjects():
                for (of, id), outcome in self._outcomes.items():
                    if subject.target is target and of == repr(subject):
                        found[outcome["state"]].append((id, subject, outcome["detail"]))
            if not any(found.values()):
                continue
            names = dict.fromkeys(s.backend.name for s in self.subjects() if s.target is target)
            counts = (f"{len(rows)} {state}" for state, rows in found.items() if rows)
            lines += [f"{target} on {', '.join(names)}: {', '.join(counts)}"]
            for id, subject, detail in found["broken"][:8]:
                where = f"{subject.function}, {subject.backend}"
                lines.append(f"  {id} ({where}): {detail}"[:120])
            if more := len(found["broken"]) - 8:
                lines += [f"  and {more} more"] if more > 0 else []
        return lines

    def document(self) -> dict[str, Any]:
        """Return all that was found, as JSON can hold it."""
        known = registry.load()
        return {
            **environment(),
            "requirements": [
                {"id": r.id, "statement": r.statement, "functions": list(r.functions)}
                for r in known.values()
            ],
            "targets": [target.name for target in self.targets],
            "backends": [_described(backend) for backend in self.backends],
            "subjects": [
                {
                    "target": subject.target.name,
                    "backend": subject.backend.name,
                    "function": subject.function,
                    "requirements": {id: self._outcome(subject, id) for id in known},
                    "errors": self._records.get(repr(subject), {}).get("errors", []),
                }
                for subject in self.subjects()
            ],
            "agreement": self._agreement(),
        }

    def _outcome(self, subject: Subject, id: str) -> dict[str, Any]:
        return self._outcomes.get((repr(subject), id), {"state": "not run", "detail": ""})

    def _agreement(self) -> list[dict[str, Any]]:
        # Of each two backends that a function of a target has run on.
        there = [s for s in self.subjects() if "values" in self._records.get(repr(s), {})]
        return [
            {
                "target": one.target.name,
                "function": one.function,
                "backends": [one.backend.name, other.backend.name],
            }
            | records.agreement(*(self._records[repr(s)]["values"] for s in (one, other)))
            for i, one in enumerate(there)
            for other in there[i + 1 :]
            if (one.target, one.function) == (other.target, other.function)
        ]

    def write(self, directory: Path) -> None:
        """Write report.json, report.md and report.html."""
        from arraylogit.testing import render

        directory.mkdir(parents=True, exist_ok=True)
        document = self.document()
        (directory / "report.json").write_text(dumps(document))
        render.write(document, directory)


def _described(backend: Backend) -> dict[str, Any]:
    missing = backend.missing()
    return {
        "name": backend.name,
        "missing": missing,
        "version": None if missing else backend.version(),
        "device": None if missing else backend.device(),
    }


def dumps(document: dict[str, Any]) -> str:
    """Return JSON with a line for each entry of a list, so that a change shows as lines."""
    encode = partial(json.dumps, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    lines = []
    for key, value in document.items():
        text = encode(value)
        if isinstance(value, list) and value:
            text = "[\n{}\n]".format(",\n".join(map(encode, value)))
        lines.append(f"{json.dumps(key)}: {text}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def subjects(targets: list[Target], backends: list[Backend], quick: bool = False) -> list[Subject]:
    """Return each function of each target on each backend that is here and that it is for."""
    return [
        Subject(target, backend, function, quick=quick)
        for target in targets
        for backend in backends
        if target.runs_on(backend) and backend.missing() is None
        for function in target.functions
    ]
