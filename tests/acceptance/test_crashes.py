"""A real process, killed at the commit points of an incident, one by one; and the control that must fail."""

from pathlib import Path

import pytest

from evals import Variant
from forestall.quality.crashes import Crashes, render

pytestmark = pytest.mark.acceptance


def test_each_command_is_applied_once_whenever_the_process_is_killed(tmp_path: Path) -> None:
    report = Crashes(tmp_path, Variant(7, degrade=("A",), days=4), processes=1).run(idle_points=False)
    print(render(report))
    assert len(report.findings) >= 60
    assert [finding for finding in report.findings if not finding.sound] == []
    # Handed to a person only where the opaque sink was between claim and record.
    handed = [finding.trial for finding in report.findings if finding.with_a_person]
    assert {(trial.label, trial.when) for trial in handed} == {("command:claim", "after"), ("command:record", "before")}
    assert len(handed) == 2
    # The control: without the claims, each crash between effect and record doubles at a sink that does not deduplicate.
    assert report.control_trials == report.control_doubled == 2
