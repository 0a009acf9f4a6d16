"""The plug-in of pytest that runs the suite: its options, and each requirement on each subject.

`pytest_arraylogit`, the entry point, loads it for a run that asks for the suite.
"""

import base64
import pickle
import sys
from contextlib import suppress
from functools import cached_property, partial
from pathlib import Path

import pytest

from arraylogit.testing import backends, budgets, extensions, registry, sweep, targets
from arraylogit.testing.functions import FUNCTIONS
from arraylogit.testing.report import Report
from arraylogit.testing.subject import Subject

REPORT = pytest.StashKey[Report]()

# Warnings of the libraries themselves.
THIRD_PARTY = (
    # Imports of torch and of its compiler.
    "ignore:.*torch.jit.*is deprecated:DeprecationWarning",
    "ignore:.*:DeprecationWarning:torch",
    "ignore:.*:FutureWarning:torch",
)


def pytest_addoption(parser):
    group = parser.getgroup("arraylogit.testing")
    add = group.addoption
    add("--target", default="arraylogit", help="comma-separated, module:function for any other")
    add("--backend", default="", help="comma-separated names, or their beginnings; all")
    add("--exhaustive", action="store_true", help="every float32, in processes, resumable")
    add("--quick", action="store_true", help="a verdict in seconds: fewer inputs, the main rules")
    add(
        "--profile", default=" ".join(registry.PROFILES), help="only requirements of some profiles"
    )
    add("--report", metavar="DIR", help="write report.json, report.md and report.html there")
    add("--plugin", action="append", default=[], metavar="FILE", help="registers what is not ours")
    add("--deviations", action="append", default=[], metavar="FILE", help="more that may fail")
    add("--budgets", action="append", default=[], metavar="FILE", help="rows before ours")
    with suppress(ValueError):  # there already, where other tests have the option too
        add("--require", default="", help="comma-separated backends whose absence is an error")


def pytest_configure(config):
    for line in THIRD_PARTY:
        config.addinivalue_line("filterwarnings", line)
    names, quick = config.getoption("--backend"), config.getoption("--quick")
    if (here := str(config.invocation_params.dir)) not in sys.path:
        sys.path.insert(0, here)
    budgets.FILES += map(Path, config.getoption("--budgets"))
    registry.DEVIATIONS += map(Path, config.getoption("--deviations"))
    try:
        for path in config.getoption("--plugin"):
            extensions.load(path)
        budgets.rows(), registry.deviations()  # read now, so that a mistake in them shows now
        chosen, limits = targets.choose(config.getoption("--target").split(","), names, quick)
    except (AttributeError, ImportError, KeyError, OSError, TypeError, ValueError) as error:
        raise pytest.UsageError(str(error)) from None
    if absent := backends.absent(config.getoption("--require")):
        raise pytest.UsageError(f"--require: {'; '.join(absent)}")
    profiles = config.getoption("--profile").replace(",", " ").split()
    if unknown := ", ".join(set(profiles) - set(registry.PROFILES)):
        known = ", ".join(registry.PROFILES)
        raise pytest.UsageError(f"--profile: {unknown}, which is none of {known}")
    report = config.stash[REPORT] = Report(chosen, limits, quick, profiles)
    if (directory := config.getoption("--report")) and not hasattr(config, "workerinput"):
        report.journal = Path(directory, "outcomes.jsonl")
        report.journal.parent.mkdir(parents=True, exist_ok=True)
        report.journal.unlink(missing_ok=True)
    config.pluginmanager.register(Recorder(report))
    if config.getoption("--exhaustive"):
        for subject in report.subjects():
            subject.sweep = partial(exhaustive, config)


def exhaustive(config, subject):
    """Measure a subject at every float32, with a progress bar on the terminal."""
    of = sweep.Sweep.over_domain(subject.target.name, subject.function, subject.backend.name)
    with config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        return sweep.run(of, progress=True)


def pytest_generate_tests(metafunc):
    if not {"requirement", "subject"} <= set(metafunc.fixturenames):
        return
    params = [
        pytest.param(entry, subject, **registry.described(entry, subject))
        for entry, subject in applicable(metafunc.config.stash[REPORT])
    ]
    metafunc.parametrize(("requirement", "subject"), params)


def applicable(report):
    """Return each requirement on each subject that it is about; report those it is not about.

    Sorted by function, so that each of two processes needs the exact values of some only.
    """
    found = []
    for entry, subject in registry.pairs(report.subjects()):
        if entry.profile not in report.profiles:
            continue
        if reason := entry.inapplicable(subject):
            report.add(entry, subject, "not applicable", reason)
        else:
            found.append((entry, subject))
    order = list(FUNCTIONS)
    return sorted(found, key=lambda pair: order.index(pair[1].function))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    subject = _subject(item)
    if subject is None or call.when != "call":
        return outcome
    entry = item.callspec.params["requirement"]
    known = registry.deviation(entry, subject)
    error = call.excinfo and call.excinfo.value
    state, detail = (registry.found(error), registry.first_line(error)) if error else ("kept", "")
    if known and state == "broken":
        state = "deviation"
    elif state == "error" or (known and state != "kept"):
        outcome.outcome = "failed"
        outcome.longrepr = f"{entry.id}: {state}{', but a deviation' if known else ''}: {detail}"
        vars(outcome).pop("wasxfail", None)
    # As text, because it may go to another process.
    found = named(entry, subject), state, detail, subject.records
    outcome.arraylogit = base64.b64encode(pickle.dumps(found)).decode()
    return outcome


class Recorder:
    """Hands outcomes to the report, in the process that writes it."""

    def __init__(self, report):
        self.report = report

    @cached_property
    def _pairs(self):
        return {named(*pair): pair for pair in registry.pairs(self.report.subjects())}

    def pytest_runtest_logreport(self, report):
        """Record the outcome of a check, or the end of the process that ran it."""
        if hasattr(report, "arraylogit"):
            name, state, detail, records = pickle.loads(base64.b64decode(report.arraylogit))
        elif report.when == "???":  # of pytest-xdist
            name = report.nodeid.partition("[")[2].removesuffix("]")
            state, detail, records = "error", "the process ended", {}
        else:
            return
        if name in self._pairs:
            entry, subject = self._pairs[name]
            subject.records = records
            self.report.add(entry, subject, state, detail, registry.deviation(entry, subject))


def named(entry, subject):
    """Return the id of the test of a requirement on a subject."""
    return registry.described(entry, subject)["id"]


def pytest_report_header(config):
    absent = config.stash[REPORT].not_run()
    return [f"not run: {name}: {reason}" for name, reason in absent.items()]


def pytest_terminal_summary(terminalreporter, config):
    terminalreporter.section("verdict")
    for line in config.stash[REPORT].verdict():
        terminalreporter.write_line(line)


def pytest_sessionfinish(session):
    config = session.config
    if hasattr(config, "workerinput"):
        return
    if config.getoption("dist", "no") != "no":  # other processes have collected
        applicable(config.stash[REPORT])
    if directory := config.getoption("--report"):
        config.stash[REPORT].write(Path(directory))


def pytest_collection_modifyitems(items):
    # Without subjects, pytest would report a skip.
    items[:] = [item for item in items if "requirement" not in _params(item) or _subject(item)]


def _params(item):
    return item.callspec.params if hasattr(item, "callspec") else {}


def _subject(item):
    subject = _params(item).get("subject")
    return subject if isinstance(subject, Subject) else None
