"""The real cancellation spike of 14 December 2010, with default settings."""

import csv
import gzip
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agents.detection import CountDetector, Point
from contracts import HOUR, SECOND, from_iso
from evals.quality.detector_worlds import PANE

RETAIL = Path(__file__).resolve().parents[4] / "shared" / "data" / "online_retail_2010-12.csv.gz"


def _cancelled_invoices() -> list[Point]:
    """From the pane of the first line on, as a monitor that is given the stream."""
    first: dict[str, int] = {}
    begin = None
    with gzip.open(RETAIL, "rt", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            at = int(datetime.fromisoformat(row["InvoiceDate"]).replace(tzinfo=UTC).timestamp()) * SECOND
            begin = at // PANE if begin is None else min(begin, at // PANE)
            if row["InvoiceNo"].startswith("C"):
                first[row["InvoiceNo"]] = min(at, first.get(row["InvoiceNo"], at))
    panes = Counter(at // PANE for at in first.values())
    assert begin is not None
    return [Point(pane * PANE, PANE, float(panes[pane]), panes[pane]) for pane in range(begin, max(panes) + 1)]


@pytest.mark.skipif(not RETAIL.exists(), reason="needs ../shared/data/online_retail_2010-12.csv.gz")
def test_the_spike_of_14_december_is_raised_and_few_others() -> None:
    detector = CountDetector.create({}, "up")
    found = [
        (point.end, judgement.finding)
        for point in _cancelled_invoices()
        if (judgement := detector.observe(point)).finding
    ]
    nine = from_iso("2010-12-14T09:00:00Z")
    assert [finding for end, finding in found if finding and nine <= finding.onset < end <= nine + 4 * HOUR]
    assert len(found) <= 4
