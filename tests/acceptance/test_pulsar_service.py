"""The service on a real Pulsar that asks for tokens, goes away and comes back."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts import SECOND
from forestall.devbroker import DevPulsar
from forestall.service.link import PATIENCE_S
from tests import shared_broker
from tests.running_service import Service
from tests.secured_broker import ADMIN, configuration, token
from triggers.clock import WallClock

pytestmark = [pytest.mark.acceptance, pytest.mark.needs("java")]
Start = Callable[..., Service]
LOOKS = 20_000
"""How often the service is asked for what it will soon say."""
FEW = 20
"""Lines of log in all: a broker that is away for a while must not fill it."""


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevPulsar]:
    home = tmp_path_factory.mktemp("secured") / "pulsar"
    distribution = shared_broker.distribution()
    broker = DevPulsar(home, 0, 0, configuration(), distribution=distribution, token=token(ADMIN))
    broker.start()
    yield broker
    broker.kill()


def _environment(broker: DevPulsar, role: str = ADMIN) -> dict[str, str]:
    return {
        "FORESTALL_PULSAR_URL": broker.url,
        "FORESTALL_PULSAR_WEB_URL": broker.web_url,
        "FORESTALL_PULSAR_TOKEN": token(role),
    }


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"FORESTALL_PULSAR_TOKEN": ""}, "FORESTALL_PULSAR_TOKEN: (hidden): must not be empty"),
        ({"FORESTALL_PULSAR_TOKEN": token(ADMIN, b"another broker's key")}, "refuses our token"),
        ({"FORESTALL_PULSAR_TOKEN": token(ADMIN, exp=1)}, "refuses our token"),
        ({"FORESTALL_PULSAR_TOKEN": token("watcher")}, "does not let role 'watcher' consume"),
        ({"FORESTALL_PULSAR_URL": "pulsar://nowhere.invalid:6650"}, "there is no such host"),
        ({"FORESTALL_PULSAR_URL": "WEB"}, "does not speak Pulsar"),
    ],
)
def test_what_a_person_has_to_correct_ends_it(
    changed: dict[str, str], told: str, secured: DevPulsar, start_service: Start, parcels: Path
) -> None:
    if changed.get("FORESTALL_PULSAR_URL") == "WEB":
        changed = {"FORESTALL_PULSAR_URL": secured.web_url.replace("http://", "pulsar://")}
    service = start_service("--pack", str(parcels), **_environment(secured) | changed)
    line = service.until(told)
    service.lines += service.process.communicate(timeout=60)[1].splitlines()
    assert service.process.returncode == (2 if "hidden" in told else 5), service.lines
    assert line.startswith("Error: ")
    assert "eyJ" not in "".join(service.lines)
    assert "Traceback" not in "".join(service.lines)


def _emit(rows: int, folder: Path, pack: Path, environment: dict[str, str], kind: str = "parcel.returned") -> None:
    lines = [json.dumps({"parcel": f"p{row}", "depot": "N", "at": "2026-03-01T00:05:00Z"}) for row in range(rows)]
    (folder / "rows.jsonl").write_text("\n".join(lines))
    mapping = f'topic: parcels\ntype: {kind}\nsource: /x\nid: "{{parcel}}"\ntime: at\n'
    mapping += "fields: {parcel: parcel, depot: depot}\n"
    (folder / "mapping.yaml").write_text(mapping)
    command = [sys.executable, "-m", "forestall", "emit", "rows.jsonl", "--map", "mapping.yaml", "--pack", str(pack)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _until(address: str, holds: Callable[[Any], bool]) -> Any:
    """What /health tells, once this holds of it."""
    told: Any = None
    for _ in range(LOOKS):
        told = httpx.get(f"{address}/health", timeout=30).json()
        if holds(told):
            return told
    raise AssertionError(told)


def _until_counted(address: str, events: int) -> None:
    told = _until(address, lambda told: told.get("counters", {}).get("events", 0) >= events)
    assert told["counters"]["events"] == events


def test_a_broker_that_is_away_is_waited_for_in_one_line(
    secured: DevPulsar, start_service: Start, parcels: Path, tmp_path: Path
) -> None:
    environment = _environment(secured)
    secured.kill()
    service = start_service("--pack", str(parcels), "--health", "127.0.0.1:0", **environment)
    address = service.address()
    service.until("is away")
    assert httpx.get(f"{address}/live").status_code == 200
    answer = httpx.get(f"{address}/health")
    assert (answer.status_code, answer.json()["status"]) == (503, "waiting for the broker")
    secured.start()
    service.until("is back")
    service.until("is ready")
    _emit(3, tmp_path, parcels, {**os.environ, **environment})
    _until_counted(address, 3)
    secured.kill()
    service.until("is away")
    assert httpx.get(f"{address}/ready").status_code == 503
    secured.start()
    service.until("is back")
    assert httpx.get(f"{address}/ready", timeout=PATIENCE_S).status_code == 200
    _emit(5, tmp_path, parcels, {**os.environ, **environment})
    _until_counted(address, 5)
    assert service.end() == 0
    told = "".join(service.lines)
    assert (told.count("is away"), told.count("is back"), told.count("Traceback")) == (2, 2, 0), told
    assert len(service.lines) < FEW, told


@pytest.mark.usefixtures("admin")
def test_a_token_file_is_rotated_under_a_running_service_in_time_and_too_late(
    secured: DevPulsar, start_service: Start, parcels: Path, tmp_path: Path
) -> None:
    """In time, nothing is noticed. Too late: told as what it is, tried again, and nothing of the meantime is lost."""
    file, clock, granted = tmp_path / "token", WallClock(), []

    def rotate(life_s: int, after: int = 0) -> int:
        end = max(clock.now() // SECOND, after) + life_s
        granted.append(token(ADMIN, exp=end))
        file.write_text(granted[-1])
        return end

    place = {"FORESTALL_PULSAR_NAMESPACE": "public/tokens"}
    emitting = {**os.environ, **_environment(secured), **place}
    own = {**_environment(secured), **place, "FORESTALL_PULSAR_TOKEN_FILE": str(file)}
    del own["FORESTALL_PULSAR_TOKEN"]
    first_ends = rotate(12)  # a loaded machine takes its time to start
    service = start_service("--pack", str(parcels), "--health", "127.0.0.1:0", **own)
    address = service.address()
    service.until("is ready")
    rotate(10, after=first_ends)
    _until(address, lambda _: clock.now() > (first_ends + 2) * SECOND)
    _emit(3, tmp_path, parcels, emitting)
    _until_counted(address, 3)
    assert not [line for line in service.lines if "warning" in line]
    assert "refuses our token" in service.until("does not serve us")
    _emit(5, tmp_path, parcels, emitting)
    rotate(3600)
    service.until("is back")
    _until_counted(address, 5)
    assert service.end() == 0
    told = "".join(service.lines)
    assert (told.count("does not serve us"), told.count("Traceback")) == (1, 0), told
    assert len(service.lines) < FEW, told
    assert not [each for each in granted if each in told]


@pytest.fixture
def admin(secured: DevPulsar) -> Iterator[httpx.Client]:
    """As the broker's administrator, over REST; the namespace `public/watched` creates no topics by itself."""
    secured.start()
    headers = {"Authorization": f"Bearer {token(ADMIN)}"}
    with httpx.Client(base_url=f"{secured.web_url}/admin/v2/", headers=headers, timeout=30, trust_env=False) as client:
        for namespace in ("watched", "tokens"):
            client.put(f"namespaces/public/{namespace}")
        client.post("namespaces/public/watched/autoTopicCreation", json={"allowAutoTopicCreation": False})
        yield client


def test_a_watcher_with_no_right_but_to_read_lives_through_what_befalls_its_topic(
    secured: DevPulsar, admin: httpx.Client, start_service: Start, parcels: Path, tmp_path: Path
) -> None:
    """A dead letter that it may not copy, its right revoked, its topic gone: told, waited for, and gone on with."""
    topic, place = "persistent/public/watched/parcels", {"FORESTALL_PULSAR_NAMESPACE": "public/watched"}
    rights = "namespaces/public/watched/permissions/watcher"
    own, ours = _environment(secured, "watcher") | place, {**os.environ, **_environment(secured), **place}
    admin.put(topic).raise_for_status()
    admin.post(rights, json=["consume"]).raise_for_status()
    service = start_service("--pack", str(parcels), "--health", "127.0.0.1:0", **own)
    address = service.address()
    service.until("is ready")
    _emit(3, tmp_path, parcels, ours, kind="parcel.lost")
    assert "parcel.lost" in service.until("dead letters: ")  # one batch, or several
    assert "stays in the ledger" in service.until("'forestall.dead_letters'")
    _emit(3, tmp_path, parcels, ours)
    _until_counted(address, 3)
    admin.delete(rights).raise_for_status()
    assert "does not let role 'watcher' consume" in service.until("does not serve us")
    admin.post(rights, json=["consume"]).raise_for_status()
    service.until("is back")
    _emit(5, tmp_path, parcels, ours)
    _until_counted(address, 5)
    admin.delete(topic, params={"force": "true"}).raise_for_status()
    assert "it does not exist" in service.until("does not serve us")
    admin.put(topic).raise_for_status()
    service.until("is back")
    _emit(9, tmp_path, parcels, ours)
    _until_counted(address, 9)
    assert service.end() == 0
    assert "Traceback" not in "".join(service.lines)
