"""A crash at every numbered commit point, one by one: a real process, killed with SIGKILL, and another that goes on.

The quiet days before the first trouble are played once and copied; each trial starts from that copy.
"""

import asyncio
import json
import os
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal, NoReturn

from evals import CountingLedger, CrashingLedger, ForgetfulClaims, Variant
from forestall.demo import DemoOptions, default_habits, find_scenario, play
from ledger import Ledger

When = Literal["before", "after"]
RESULT = "result.json"
IDLE = ("intake", "combine", "prune", "world:settled", "lease:renew")
"""Commit points of every tick, most of which have nothing to do with an incident."""
NON_IDEMPOTENT = ("routing", "mail")
"""Sinks that do again what they are told again."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One crash, before or after the commit point with number `at`."""

    at: int
    when: When
    label: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What a trial came to. `doubled` and `missing` count effects against the undisturbed play."""

    trial: Trial
    killed: bool
    same_digest: bool
    doubled: int
    missing: int
    incidents_lost: int
    with_a_person: bool

    @property
    def sound(self) -> bool:
        """No keyed or reconcilable effect doubled or lost; the story is the same, or a person has it."""
        told = self.same_digest or self.with_a_person
        return self.killed and told and self.doubled == 0 and self.missing == 0 and self.incidents_lost == 0


@dataclass(frozen=True, slots=True)
class CrashReport:
    """All trials, and the control without the claims' protection."""

    points: int
    findings: tuple[Finding, ...]
    control_trials: int
    control_doubled: int

    @property
    def passed(self) -> bool:
        return (
            bool(self.findings)
            and all(finding.sound for finding in self.findings)
            and 0 < self.control_trials == self.control_doubled
        )


class Crashes:
    """Plays one variant up to its first trouble, then crashes what follows wherever it can."""

    def __init__(self, folder: Path, variant: Variant, *, processes: int = 2) -> None:
        self._folder, self._variant, self._processes = folder, variant, processes
        self._context = get_context("forkserver")
        self._context.set_forkserver_preload(["forestall.quality.crashes", "scenarios.retail.scenario"])
        self._start = folder / "start"
        self._expected: dict[str, Any] = {}

    def run(self, *, idle_points: bool, control: bool = True) -> CrashReport:
        """Try every commit point; without `idle_points` those that do more than take events in or close quiet panes."""
        labels = self._undisturbed()
        trials = [
            Trial(number, when, label)
            for number, label in enumerate(labels, 1)
            for when in _moments(label)
            if idle_points or label not in IDLE or labels[number : number + 1] == ["run:claim"]
        ]
        records = [
            Trial(number, "before", label) for number, label in enumerate(labels, 1) if label == "command:record"
        ]
        with ThreadPoolExecutor(self._processes) as pool:
            findings = tuple(pool.map(self._try, trials))
            lost = list(pool.map(self._try_without_claims, records if control else []))
        # Of the three sinks the keyed one cannot double whatever we forget; the other two must.
        exposed = [finding for finding in lost if self._sink_of(finding.trial) in NON_IDEMPOTENT]
        return CrashReport(len(labels), findings, len(exposed), sum(finding.doubled > 0 for finding in exposed))

    def _undisturbed(self) -> list[str]:
        onset = find_scenario("retail", self._variant).troubles[0].onset
        self._in_process(_play_until, self._start, self._variant, onset)
        home = self._folder / "undisturbed"
        shutil.copytree(self._start, home)
        self._in_process(_play_on, home, self._variant, 0, "before", False)
        self._expected = json.loads((home / RESULT).read_text())
        labels: list[str] = self._expected["labels"]
        return labels

    def _sink_of(self, trial: Trial) -> str:
        """Which sink the command at a `command:record` point went to, in the order of the undisturbed play."""
        records = [number for number, label in enumerate(self._expected["labels"], 1) if label == "command:record"]
        sink: str = self._expected["effects"][records.index(trial.at)][0]
        return sink

    def _try(self, trial: Trial, *, forgetful: bool = False) -> Finding:
        home = self._folder / f"{trial.at}-{trial.when}{'-control' if forgetful else ''}"
        shutil.copytree(self._start, home)
        try:
            code = self._in_process(_play_on, home, self._variant, trial.at, trial.when, forgetful)
            self._in_process(_play_on, home, self._variant, 0, "before", forgetful)
            return self._judge(trial, code == -signal.SIGKILL, json.loads((home / RESULT).read_text()))
        finally:
            shutil.rmtree(home)

    def _try_without_claims(self, trial: Trial) -> Finding:
        return self._try(trial, forgetful=True)

    def _judge(self, trial: Trial, killed: bool, found: dict[str, Any]) -> Finding:
        expected, had = _counted(self._expected["effects"]), _counted(found["effects"])
        with_a_person = bool(found["unsettled"])
        # What an opaque sink did in the window of the crash nobody can know: that is why a person has it.
        counted = [key for key in expected | had if not (with_a_person and key[0] == "mail")]
        return Finding(
            trial=trial,
            killed=killed,
            same_digest=found["digest"] == self._expected["digest"],
            doubled=sum(max(0, had[key] - expected[key]) for key in counted),
            missing=0 if with_a_person else sum(max(0, expected[key] - had[key]) for key in counted),
            incidents_lost=0 if with_a_person else len(set(self._expected["incidents"]) - set(found["incidents"])),
            with_a_person=with_a_person,
        )

    def _in_process(self, target: Any, *args: Any) -> int:
        process = self._context.Process(target=target, args=args)
        process.start()
        process.join()
        code = process.exitcode
        if code not in (0, -signal.SIGKILL):
            raise RuntimeError(f"{target.__name__}{args}: ended with {code}")
        return code


def _moments(label: str) -> Iterator[When]:
    """A crash before each point; after it too where somebody outside acts between this point and the next."""
    yield "before"
    if label.startswith(("command:", "outbox:", "person:")):
        yield "after"


def _counted(effects: list[list[str | None]]) -> Counter[tuple[str | None, str | None]]:
    return Counter((sink, command) for sink, command in effects)


class _Stop(Exception):
    """The part that is played once is over."""


def _play_until(home: Path, variant: Variant, instant: int) -> None:
    """Play the quiet beginning, and stop in good order."""

    def stop(_: object, clock: Any) -> None:
        if clock.now() >= instant:
            raise _Stop

    options = DemoOptions(variant, home, habits=default_habits(variant))
    try:
        asyncio.run(play(find_scenario("retail", variant), options, stop))
    except _Stop:
        return


def _play_on(home: Path, variant: Variant, at: int, when: When, forgetful: bool) -> None:
    """Go on to the end, or to the crash; leaves `RESULT` behind."""
    ledgers: list[CountingLedger] = []

    def wrap(ledger: Ledger) -> Ledger:
        counted = CrashingLedger(ForgetfulClaims(ledger) if forgetful else ledger, at, when, _kill)
        ledgers.append(counted)
        return counted

    options = DemoOptions(variant, home, habits=default_habits(variant), wrap_ledger=wrap)
    scenario = find_scenario("retail", variant)
    result = asyncio.run(play(scenario, options))
    found = {
        "digest": result.decision_digest,
        "effects": scenario.world(home).effects(),
        "incidents": [incident.id for incident in result.incidents],
        "unsettled": [each.id for each in result.incidents if "nobody can say" in (each.reason or "")],
        "labels": ledgers[0].labels,
    }
    (home / RESULT).write_text(json.dumps(found))


def _kill() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise SystemExit("SIGKILL was survived")


def render(report: CrashReport) -> str:
    """An aligned table by commit point."""
    labels = sorted({finding.trial.label for finding in report.findings})
    lines = [
        f"{'commit point':<28}{'crashes':>8}{'doubled':>8}{'missing':>8}{'lost':>6}{'with a person':>15}{'sound':>7}"
    ]
    for label in labels:
        of_label = [finding for finding in report.findings if finding.trial.label == label]
        lines.append(
            f"{label:<28}{len(of_label):>8}{sum(each.doubled for each in of_label):>8}"
            f"{sum(each.missing for each in of_label):>8}{sum(each.incidents_lost for each in of_label):>6}"
            f"{sum(each.with_a_person for each in of_label):>15}{sum(each.sound for each in of_label):>7}"
        )
    lines.append(
        f"{report.points} commit points; {len(report.findings)} crashes, {sum(f.killed for f in report.findings)} by"
        f" SIGKILL; control without claims: {report.control_doubled} of {report.control_trials} doubled"
    )
    broken = [asdict(finding) for finding in report.findings if not finding.sound]
    return "\n".join(lines + [f"UNSOUND: {each}" for each in broken])
