"""The service on a real Pulsar that asks for tokens, goes away and comes back."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from forestall.devbroker import DevPulsar
from forestall.service.link import PATIENCE_S
from tests import shared_broker
from tests.running_service import Service
from tests.secured_broker import ADMIN, configuration, token

pytestmark = [pytest.mark.acceptance, pytest.mark.needs("java")]
Start = Callable[..., Service]
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


def _emit(rows: int, folder: Path, pack: Path, environment: dict[str, str]) -> None:
    lines = [json.dumps({"parcel": f"p{row}", "depot": "N", "at": "2026-03-01T00:05:00Z"}) for row in range(rows)]
    (folder / "rows.jsonl").write_text("\n".join(lines))
    mapping = 'topic: parcels\ntype: parcel.returned\nsource: /x\nid: "{parcel}"\ntime: at\n'
    mapping += "fields: {parcel: parcel, depot: depot}\n"
    (folder / "mapping.yaml").write_text(mapping)
    command = [sys.executable, "-m", "forestall", "emit", "rows.jsonl", "--map", "mapping.yaml", "--pack", str(pack)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _until_counted(address: str, events: int) -> None:
    while httpx.get(f"{address}/health", timeout=30).json()["counters"]["events"] < events:
        pass


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
