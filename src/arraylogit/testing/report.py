"""The outcomes of a run: collected, and written as JSON, Markdown and HTML."""

import json
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from arraylogit.testing import measure, records, registry
from arraylogit.testing.backends import FLOATS, Backend
from arraylogit.testing.environment import environment
from arraylogit.testing.registry import PROFILES, Deviation, Requirement
from arraylogit.testing.subject import Subject
from arraylogit.testing.targets import Target

STATES = ("kept", "broken", "error", "deviation", "unsupported", "not applicable", "not run")
"""What a requirement can be on a subject.

A deviation is a recorded failure. Unsupported: the function does not take such input at all. An
error is a fault of the suite, or of the record of a library.
"""

SHOWN = 4
"""How many failures a verdict shows."""


@dataclass
class Report:
    """Collects the outcome of each requirement on each subject."""

    targets: list[Target]
    backends: list[Backend]
    quick: bool = False
    profiles: Collection[str] = tuple(PROFILES)
    journal: Path | None = None
    _subjects: list[Subject] = field(default_factory=list)
    _outcomes: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    _records: dict[str, dict[str, Any]] = field(default_factory=dict)

    def subjects(self) -> list[Subject]:
        """Return the subjects: each function of each target on each backend that is here."""
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
        if self.journal and state != "not applicable":
            line = {"requirement": entry.id, "subject": repr(subject)} | outcome
            errors = subject.records.get("errors", [])
            with self.journal.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line | {"errors": errors}, ensure_ascii=False) + "\n")

    def verdict(self) -> list[str]:
        """Return the outcome for each target in about ten lines."""
        return [line for target in self.targets for line in self._verdict(target)]

    def _verdict(self, target: Target) -> list[str]:
        known = registry.load()
        subjects = {repr(s): s for s in self.subjects() if s.target is target}
        rows = [
            (known[id], subjects[of], outcome["state"], outcome["detail"])
            for (of, id), outcome in self._outcomes.items()
            if of in subjects
        ]
        counted = [row for row in rows if row[0].fails(row[1])]
        if not rows:
            return []
        counts = Counter(state for _, _, state, _ in counted)
        said = ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])
        names = dict.fromkeys(s.backend.name for s in subjects.values())
        lines = [f"{target} on {', '.join(names)}: {said}"]
        profiles = []
        for name in PROFILES:
            states = [state for entry, _, state, _ in rows if entry.profile == name]
            if whole := sum(s not in ("not applicable", "unsupported") for s in states):
                profiles.append(f"{name} {states.count('kept')} of {whole}")
        lines += [f"  kept: {', '.join(profiles)}"] if profiles else []
        lines += [f"  {line}" for line in self._tiers(subjects)]
        wrong = {}
        for entry, subject, state, detail in counted:
            if state in ("broken", "error"):
                # An error that every requirement has is said once.
                key = (entry.id, subject) if state == "broken" else detail
                what = entry.id if state == "broken" else "error"
                line = f"  {what} ({subject.function}, {subject.backend}): {detail}"
                wrong.setdefault(key, line[:120])
        lines += list(wrong.values())[:SHOWN]
        return lines + ([f"  and {len(wrong) - SHOWN} more"] if len(wrong) > SHOWN else [])

    def _tiers(self, subjects: dict[str, Subject]) -> Iterator[str]:
        # The largest errors of the values by dtype, on one scale for all.
        for dtype in FLOATS:
            found = [
                (float(error["overall"]["max"]), name, error)
                for name in subjects
                for error in self._records.get(name, {}).get("errors", [])
                if error["dtype"] == dtype and error["mode"] is None
            ]
            if found:
                worst, name, error = max(found, key=lambda row: row[0])
                where = f"{subjects[name].function}, {subjects[name].backend}"
                region = records.region(error)
                yield f"{dtype}: {measure.tier(worst)} ULP ({worst:.4g}: {where}, {region})"

    def document(self) -> dict[str, Any]:
        """Return all that was found, as JSON can hold it."""
        known = registry.load()
        return {
            "schema": 2,
            **environment(),
            "requirements": [
                {
                    "id": r.id,
                    "statement": r.statement,
                    "functions": list(r.functions),
                    "profile": r.profile,
                }
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
        if self.journal:
            self.journal.unlink(missing_ok=True)  # which holds nothing more


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
