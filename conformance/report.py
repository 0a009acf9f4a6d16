"""What a run found."""

from dataclasses import dataclass, field
from typing import Any

from conformance.backends import Backend
from conformance.requirements import Deviation, Requirement
from conformance.subject import Subject
from conformance.targets import Target


@dataclass
class Report:
    """Collects the outcome of each requirement on each subject."""

    targets: list[Target]
    backends: list[Backend]
    arguments: tuple[str, ...]
    results: list[dict[str, Any]] = field(default_factory=list)
    _subjects: list[Subject] = field(default_factory=list)

    def subjects(self) -> list[Subject]:
        """Return what is checked: each function of each target on each backend that is here."""
        if not self._subjects:
            self._subjects += subjects(self.targets, self.backends)
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
        """Record an outcome: kept, broken, deviation or not applicable."""
        self.results.append(
            {
                "target": subject.target.name,
                "backend": subject.backend.name,
                "function": subject.function,
                "requirement": entry.id,
                "state": state,
                "detail": detail,
                "reason": known and known.reason,
                "link": known and known.link,
                "records": dict(subject.records),
            }
        )


def subjects(targets: list[Target], backends: list[Backend]) -> list[Subject]:
    """Return each function of each target on each backend that is here and that it is for."""
    return [
        Subject(target, backend, function)
        for target in targets
        for backend in backends
        if backend.missing() is None and target.runs_on(backend)
        for function in target.functions
    ]
