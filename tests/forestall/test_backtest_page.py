"""The page: whole in itself, and nothing that an event holds is markup or script."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from forestall.backtest import Backtest, page_of
from forestall.backtest.charts import CHARTS_MAX, POINTS_TOTAL, charts_of
from tests.forestall.backtests import parcels_events, play, write_lines

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Backtest:
    folder = tmp_path_factory.mktemp("history")
    return play(write_lines(folder / "a<b>&'\".jsonl", parcels_events(HOSTILE)))


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self._in_script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")
            self._in_script = True

    def handle_endtag(self, tag: str) -> None:
        self._in_script = self._in_script and tag != "script"

    def handle_data(self, data: str) -> None:
        if self._in_script:
            self.scripts[-1] += data
        else:
            self.text += data


def test_the_cause_is_hostile_and_is_shown_as_text(hostile: Backtest) -> None:
    [incident] = hostile.incidents
    assert incident.explained.cause == {"depot": HOSTILE}
    page = _Page(page_of(hostile))
    assert HOSTILE in page.text
    assert "img" not in [tag for tag, _ in page.tags]
    assert [dict(attrs) for tag, attrs in page.tags if any(name.startswith("on") for name in attrs)] == []


def test_only_the_scripts_that_the_policy_names_are_in_it(hostile: Backtest) -> None:
    page = _Page(page_of(hostile))
    [policy] = [attrs["content"] for tag, attrs in page.tags if attrs.get("http-equiv") == "Content-Security-Policy"]
    data, *scripts = page.scripts
    assert json.loads(data)[0]["measure"] == "returns"
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    assert len(scripts) == 2
    assert policy is not None
    assert re.findall(r"'sha256-([^']+)'", policy) == hashes
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy


def test_nothing_is_loaded_from_anywhere(hostile: Backtest) -> None:
    page = _Page(page_of(hostile))
    assert [attrs for _, attrs in page.tags if "src" in attrs or "href" in attrs] == []
    assert not any(re.search(r"@import|url\(", text) for text in (page_of(hostile).split("</style>")[0],))


def test_the_plot_has_every_pane_with_what_was_expected(hostile: Backtest) -> None:
    [chart] = charts_of(hostile)
    [track] = hostile.tracks
    assert len(chart["t"]) == len(chart["v"]) == len(chart["e"]) == len(chart["lo"]) == len(chart["s"])
    assert len(chart["t"]) == len(track.starts) == 3 * 96
    assert chart["e"][0] is None
    assert chart["e"][-1] is not None
    assert min(low for low in chart["lo"] if low is not None) >= 0
    assert len(chart["signals"]) == len(hostile.signals)
    assert [each["id"] for each in chart["incidents"]] == [each.id for each in hostile.incidents]


def test_a_long_series_keeps_its_excursions(hostile: Backtest) -> None:
    [track] = hostile.tracks
    times = 1 + 2 * POINTS_TOTAL // len(track.starts)
    number = times * len(track.starts)
    long = replace(
        track,
        starts=[track.starts[0] + track.pane * place for place in range(number)],
        values=track.values * times,
        expected=track.expected * times,
        spreads=track.spreads * times,
        states=track.states * times,
    )
    [chart] = charts_of(replace(hostile, tracks=(long,)))
    assert chart["every"] > 1
    assert len(chart["t"]) <= POINTS_TOTAL
    assert max(each for each in chart["v"] if each is not None) == max(each or 0 for each in track.values)
    assert f"of every {chart['every']} panes" in page_of(replace(hostile, tracks=(long,)))


def test_of_many_series_those_with_signals_come_first_and_the_page_says_so(hostile: Backtest) -> None:
    [loud] = hostile.tracks
    tracks = (*(replace(loud, key=f"k{number:02}") for number in range(40)), loud)
    charts = charts_of(replace(hostile, tracks=tracks, tracks_left_out=7))
    assert len(charts) == CHARTS_MAX
    assert charts[0]["key"] is None
    page = page_of(replace(hostile, tracks=tracks, tracks_left_out=7))
    assert f"{CHARTS_MAX} of 41 series are shown" in page
    assert "7 further series were watched and not recorded" in page


def test_a_quiet_history_makes_a_page_too(tmp_path: Path) -> None:
    quiet = play(write_lines(tmp_path / "quiet.jsonl", parcels_events(days=1)[:40]))
    assert "It would have noticed nothing." in page_of(quiet)
