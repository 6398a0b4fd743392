"""Ready means that a message could be written: the broker's own health check also answers when it hangs."""

import importlib.util
import os
import time
from collections.abc import Callable

import httpx

from contracts import install_command
from forestall.errors import BrokerTrouble

PROBE = "persistent://public/default/forestall-dev-probe"
ATTEMPT_S = 5
LOOK_S = 0.1


def assert_client() -> None:
    """Without the client nobody could use the broker.

    Raises:
        BrokerTrouble: it is not installed.
    """
    if importlib.util.find_spec("pulsar") is None:
        raise BrokerTrouble("pulsar-client is not installed", f"Install Forestall with it: {install_command('pulsar')}")


def wait_until_ready(
    url: str, web_url: str, token: str | None, patience_s: float, alive: Callable[[], bool]
) -> str | None:
    """Until a message was written; None then, else what was in the way when time ran out or the process had ended."""
    until = time.monotonic() + patience_s
    problem = "it did not open its ports"
    while alive():
        if _web_answers(web_url):
            fault = _produce(url, token)
            if fault is None:
                _forget(web_url, token)
                return None
            problem = f"no message can be written ({fault})"
        if time.monotonic() > until:
            return f"{problem} within {patience_s:g} s"
        time.sleep(LOOK_S)
    return "its process ended"


def can_write(url: str, web_url: str, token: str | None = None) -> bool:
    """One try."""
    return _web_answers(web_url) and wait_until_ready(url, web_url, token, 0, lambda: True) is None


def _web_answers(web_url: str) -> bool:
    try:
        return httpx.get(f"{web_url}/admin/v2/brokers/ready", timeout=ATTEMPT_S).status_code != 503
    except httpx.HTTPError:
        return False


def _produce(url: str, token: str | None) -> str | None:
    import pulsar

    client = pulsar.Client(
        url,
        authentication=pulsar.AuthenticationToken(token) if token else None,
        operation_timeout_seconds=ATTEMPT_S,
        logger=pulsar.FileLogger(pulsar.LoggerLevel.Error, os.devnull),
    )
    try:
        client.create_producer(PROBE, send_timeout_millis=ATTEMPT_S * 1000).send(b"ready")
    except pulsar.PulsarException as error:
        return type(error).__name__
    finally:
        client.close()
    return None


def _forget(web_url: str, token: str | None) -> None:
    """The probe's topic is nobody's: a pattern of topics shall not find it. Where we may not, it stays."""
    path = PROBE.replace("://", "/")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        httpx.delete(f"{web_url}/admin/v2/{path}", params={"force": "true"}, headers=headers, timeout=ATTEMPT_S)
    except httpx.HTTPError:
        return
