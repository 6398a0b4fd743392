"""Settings say which broker is meant; what cannot be right is told, and no credential is shown."""

import importlib.util
import json
import os
from pathlib import Path

import pytest

from forestall.brokers import broker_address, dev_folder, open_broker, pulsar_settings, uses_pulsar
from forestall.cli.app import run
from forestall.devbroker.process import started_at
from forestall.devbroker.state import State, save
from forestall.errors import SettingsError, UsageError
from forestall.settings import load_settings
from triggers.brokers import EmbeddedBroker
from triggers.clock import WallClock

URL = "pulsar://broker.example:6650"
SECRET = "not-to-be-seen"
Capture = pytest.CaptureFixture[str]


def problem(folder: Path, **given: object) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings(folder, **given)
    assert len(caught.value.problems) == 1
    return caught.value.problems[0]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"pulsar_url": "http://x"}, "'http://x': must begin with pulsar:// or pulsar+ssl://"),
        ({"pulsar_url": "pulsar://"}, "names no host"),
        ({"pulsar_url": "pulsar://a:6650,b:x"}, "a port that is none"),
        ({"pulsar_web_url": "broker:8080"}, "'broker:8080': must begin with http:// or https://"),
        ({"pulsar_web_url": f"http://u:{SECRET}@"}, "(hidden): names no host"),
        ({"pulsar_namespace": "public"}, "'public': must be a tenant and a namespace; write it like public/default"),
        ({"pulsar_token": ""}, "(hidden): must not be empty"),
        ({"pulsar_token_file": "nowhere"}, "'nowhere': must be a file that can be read"),
        ({"pulsar_tls_trust_certs": "nowhere"}, "'nowhere': must be a file that can be read"),
        ({"pulsar_initial": "middle"}, "'middle': must be 'earliest' or 'latest'"),
        ({"broker": "kafka"}, "'kafka': must be 'embedded' or 'pulsar'"),
        ({"pulsar_oauth2_private_key": SECRET}, "(hidden): is of use with pulsar_oauth2_issuer_url only"),
        (
            {"pulsar_token": SECRET, "pulsar_oauth2_issuer_url": "https://issuer.example"},
            "cannot be set together with pulsar_token; remove one of the two",
        ),
    ],
)
def test_a_wrong_setting_names_field_value_and_rule(given: dict[str, str], told: str, tmp_path: Path) -> None:
    found = problem(tmp_path, **given)
    assert told in found
    assert found.startswith(f"--{list(given)[-1].replace('_', '-')}: ")
    assert SECRET not in found


def test_two_tokens_are_one_too_many(tmp_path: Path) -> None:
    (tmp_path / "token").touch()
    told = problem(tmp_path, pulsar_token=SECRET, pulsar_token_file=tmp_path / "token")
    assert "cannot be set together with pulsar_token" in told


def test_what_is_set_reaches_the_client_and_is_shown_nowhere(tmp_path: Path) -> None:
    settings = load_settings(
        tmp_path,
        pulsar_url="pulsar+ssl://a.example:6651,b.example:6651",
        pulsar_web_url="https://a.example:8443",
        pulsar_namespace="shop/orders",
        pulsar_oauth2_issuer_url="https://issuer.example",
        pulsar_oauth2_private_key=SECRET,
        pulsar_oauth2_audience="urn:pulsar",
        pulsar_initial="latest",
        pulsar_receiver_bytes=2_000_000,
    )
    reached = pulsar_settings(settings)
    assert (reached.url, reached.web_url) == (settings.pulsar_url, settings.pulsar_web_url)
    assert (reached.namespace, reached.initial, reached.token) == ("shop/orders", "latest", None)
    assert reached.receiver_bytes == 2_000_000
    assert reached.oauth2 is not None
    assert reached.oauth2.private_key.get_secret_value() == SECRET
    assert reached.oauth2.audience == "urn:pulsar"
    assert SECRET not in f"{settings!r} {settings} {settings.model_dump_json()} {reached!r}"
    with_token = load_settings(tmp_path, pulsar_url=URL, pulsar_token=SECRET)
    assert SECRET not in f"{with_token!r} {with_token.model_dump_json()} {pulsar_settings(with_token)!r}"


def test_an_issuer_without_a_key(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, pulsar_url=URL, pulsar_oauth2_issuer_url="https://issuer.example")
    with pytest.raises(SettingsError, match="FORESTALL_PULSAR_OAUTH2_PRIVATE_KEY: not set"):
        pulsar_settings(settings)


async def test_which_broker_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert not uses_pulsar(load_settings(tmp_path))
    assert uses_pulsar(load_settings(tmp_path, pulsar_url=URL))
    assert uses_pulsar(load_settings(tmp_path, broker="pulsar"))
    embedded = load_settings(tmp_path, home=tmp_path, pulsar_url=URL, broker="embedded")
    broker = await open_broker(embedded, WallClock())
    assert isinstance(broker, EmbeddedBroker)
    await broker.close()
    with pytest.raises(UsageError, match="FORESTALL_PULSAR_URL: not set"):
        await open_broker(load_settings(tmp_path, home=tmp_path, broker="pulsar"), WallClock())


def test_pulsar_without_an_address_is_the_one_that_runs_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    alive = State(7001, 7002, os.getpid(), started_at(os.getpid()) or "")
    for home in (tmp_path / "home", tmp_path / ".forestall"):
        dev_folder(home).mkdir(parents=True)
    save(dev_folder(tmp_path / ".forestall"), alive)
    settings = load_settings(tmp_path, home=tmp_path / "home", broker="pulsar")
    assert broker_address(settings) == "pulsar://127.0.0.1:7001"
    save(dev_folder(tmp_path / "home"), State(8001, 8002, alive.pid, alive.started))
    assert pulsar_settings(settings).url == "pulsar://127.0.0.1:8001"
    assert pulsar_settings(settings).rest_url == "http://127.0.0.1:8002"
    save(dev_folder(tmp_path / "home"), State(8001, 8002))
    assert pulsar_settings(settings).url == "pulsar://127.0.0.1:7001"


def test_the_doctor_looks_at_pulsar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setenv("FORESTALL_PULSAR_URL", "pulsar://127.0.0.1:1")
    monkeypatch.setenv("FORESTALL_PULSAR_TOKEN", SECRET)

    def checked(*options: str) -> tuple[int, dict[str, str]]:
        code = run(["doctor", "--json", "--home", str(tmp_path), *options])
        told = capsys.readouterr().out
        assert SECRET not in told
        return code, next(each for each in json.loads(told)["checks"] if each["name"] == "broker")

    code, check = checked()
    assert (code, check["state"]) == (0, "note")
    assert "pulsar://127.0.0.1:1, with a token; not asked" in check["found"]
    code, check = checked("--online")
    assert (code, check["state"]) == (5, "bad")


def test_the_doctor_misses_the_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: find_spec(name, *rest) if name != "pulsar" else None
    )
    assert run(["doctor", "--json", "--home", str(tmp_path)]) == 0
    found = {each["name"]: each for each in json.loads(capsys.readouterr().out)["checks"]}
    assert found["dev pulsar"]["state"] == "note"
    monkeypatch.setenv("FORESTALL_PULSAR_URL", "pulsar://127.0.0.1:1")
    assert run(["doctor", "--home", str(tmp_path)]) == 5
    told = " ".join(capsys.readouterr().out.split())
    assert "✗ broker Pulsar at pulsar://127.0.0.1:1, without a token: pulsar-client is not installed" in told
    assert "forestall[pulsar]" in told
    assert "can be used." not in told


@pytest.mark.needs("pulsar")
def test_the_doctor_asks_a_real_one(
    pulsar_url: str, pulsar_web_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("FORESTALL_PULSAR_URL", pulsar_url)
    monkeypatch.setenv("FORESTALL_PULSAR_WEB_URL", pulsar_web_url)
    assert run(["doctor", "--online", "--home", str(tmp_path)]) == 0
    assert "without a token: it lets us in, and answers over HTTP" in " ".join(capsys.readouterr().out.split())
    monkeypatch.setenv("FORESTALL_PULSAR_WEB_URL", "http://127.0.0.1:1")
    assert run(["doctor", "--online", "--home", str(tmp_path)]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "! broker" in told
    assert "it lets us in; over HTTP: pulsar_web_url: http://127.0.0.1:1" in told
    assert "→ patterns of topics, backlogs and histories are asked for there: see FORESTALL_PULSAR_WEB_URL" in told
