"""Bad messages on both brokers: each is counted and kept with its reason and origin, and no good one is missing."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid1

import httpx
import pytest

from forestall.cli.app import run
from tests.bad_input import MAPPED, PLAIN, TOPIC, counted, dead_on_topic, good, instant, poison, publish, row
from triggers.brokers import MAX_MESSAGE_BYTES

pytestmark = pytest.mark.acceptance
Capture = pytest.CaptureFixture[str]
GOOD, EVERY = 5_000, 500


@pytest.fixture(params=["embedded", pytest.param("pulsar", marks=pytest.mark.needs("pulsar"))])
def home(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home on a broker; on Pulsar with a namespace of its own."""
    if request.param == "embedded":
        yield tmp_path / "home"
        return
    url, web_url = request.getfixturevalue("pulsar_url"), request.getfixturevalue("pulsar_web_url")
    namespace = f"public/bad-{uuid1().hex}"
    with httpx.Client(base_url=f"{web_url}/admin/v2/", timeout=30, trust_env=False) as admin:
        admin.put(f"namespaces/{namespace}").raise_for_status()
        monkeypatch.setenv("FORESTALL_PULSAR_URL", url)
        monkeypatch.setenv("FORESTALL_PULSAR_WEB_URL", web_url)
        monkeypatch.setenv("FORESTALL_PULSAR_NAMESPACE", namespace)
        yield tmp_path / "home"
        admin.delete(f"namespaces/{namespace}", params={"force": "true"})


def _pack(folder: Path, text: str) -> str:
    (folder / "orders").mkdir()
    (folder / "orders" / "pack.yaml").write_text(text)
    return str(folder / "orders")


def _ran(capsys: Capture, home: Path, *command: str) -> Any:
    capsys.readouterr()
    assert run([*command, "--home", str(home), "--json"]) == 0
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return json.loads(captured.out)


@pytest.mark.parametrize("mapped", [False, True], ids=["cloudevents", "mapped"])
def test_poison_among_good_messages(home: Path, mapped: bool, tmp_path: Path, capsys: Capture) -> None:
    pack = _pack(tmp_path, MAPPED if mapped else PLAIN)
    payloads, bad = [], []
    for number in range(GOOD):
        payloads.append(good(number, mapped=mapped))
        if number % EVERY == EVERY - 1:
            kinds = list(poison(number, mapped=mapped))
            bad += kinds
            payloads += [payload for _, payload in kinds]
    publish(home, TOPIC, payloads)
    found = _ran(capsys, home, "run", "--pack", pack, "--until-idle")
    wanted = counted(bad)
    assert (found["events"], found["duplicates"], found["dead_letters"]) == (GOOD, 0, dict(sorted(wanted.items())))
    letters = dead_on_topic(home)
    assert Counter(letter.properties["forestall-code"] for letter in letters) == wanted
    assert all(letter.properties["forestall-reason"] for letter in letters)
    assert {letter.properties["forestall-topic"] for letter in letters} == {TOPIC}
    assert len({letter.properties["forestall-message-id"] for letter in letters}) == len(bad)
    kept = {payload[:65_536] for _, payload in bad}
    assert {letter.payload for letter in letters} == kept
    assert _ran(capsys, home, "run", "--pack", pack, "--until-idle")["events"] == 0
    assert run(["dead-letters", "--home", str(home)]) == 0
    told = capsys.readouterr().out
    assert told.count("what to do") <= len(list(poison(0, mapped=mapped)))  # one entry for each kind, not each message


def test_messages_of_five_megabytes(home: Path, tmp_path: Path, capsys: Capture) -> None:
    pack = _pack(tmp_path, MAPPED)
    room = len(json.dumps(row(0, note="")).encode())
    largest = json.dumps(row(0, note="z" * (MAX_MESSAGE_BYTES - room - 200))).encode()
    taken = json.dumps(row(1, note="z" * (1_000_000 - room))).encode()
    publish(home, TOPIC, [largest] * 20 + [taken])
    found = _ran(capsys, home, "run", "--pack", pack, "--until-idle")
    assert (found["events"], found["dead_letters"]) == (1, {"too_large": 20})
    letters = dead_on_topic(home)
    assert {letter.properties["forestall-size"] for letter in letters} == {str(len(largest))}
    assert {len(letter.payload) for letter in letters} == {65_536}


def test_another_shape_under_way(home: Path, tmp_path: Path, capsys: Capture) -> None:
    """A producer renames a field: what comes then is kept with the name of the field that is missing."""
    pack = _pack(tmp_path, MAPPED)
    renamed = [{**row(number), "amount_eur": 1.5} for number in range(100, 110)]
    for each in renamed:
        del each["amount"]
    publish(home, TOPIC, [good(number, mapped=True) for number in range(100)])
    publish(home, TOPIC, [json.dumps(each).encode() for each in renamed])
    publish(home, TOPIC, [good(number, mapped=True) for number in range(200, 300)])
    found = _ran(capsys, home, "run", "--pack", pack, "--until-idle")
    assert (found["events"], found["dead_letters"]) == (200, {"mapping": 10})
    assert run(["dead-letters", "--home", str(home)]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "mapping 10 messages on shop.orders" in told
    assert "why amount: no value, but one is required" in told


def test_clocks_hours_apart(home: Path, tmp_path: Path, capsys: Capture) -> None:
    """Half of the senders are six hours behind: counted as late, and told. One lives in 2931, and moves nothing."""
    pack = _pack(tmp_path, MAPPED)
    payloads = []
    for number in range(21_600, 43_200, 60):
        payloads.append(good(number, mapped=True))
        payloads.append(json.dumps(row(number, order=f"late{number}", at=instant(number - 21_600))).encode())
    payloads.insert(300, json.dumps(row(1, order="future", at="2931-01-01T00:00:00Z")).encode())
    publish(home, TOPIC, payloads)
    assert run(["run", "--pack", pack, "--until-idle", "--home", str(home)]) == 0
    told = capsys.readouterr().out
    assert "360 too late to count" in told
    assert "1 future" in told
    assert "! 1 message could not be taken (future 1)" in told
    found = _ran(capsys, home, "run", "--pack", pack, "--until-idle")
    assert (found["events"], found["late"]) == (0, 0)
