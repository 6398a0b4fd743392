"""A detector's state of another build."""

from agents.monitoring import Pane
from agents.monitoring.series import Series
from contracts import MINUTE, DetectorSpec, Measure

MEASURE = Measure(name="alarms", title="alarms", of=("alarm",), pane=15 * MINUTE)
SPEC = DetectorSpec(name="burst", measure="alarms", kind="count")


def test_what_cannot_be_read_is_learned_anew() -> None:
    series = Series(MEASURE, (SPEC,))
    series.close(0, Pane.of(MEASURE))
    doc = series.closed_doc()
    del doc["detectors"]["burst"]["scan"]
    other = Series(MEASURE, (SPEC,))
    other.restore(doc)
    assert other.detectors["burst"].snapshot() == Series(MEASURE, (SPEC,)).detectors["burst"].snapshot()
    assert [judged.end for judged in other.recent["burst"]] == [15 * MINUTE]
