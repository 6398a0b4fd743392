"""A broker that is killed comes up again on its data, every time."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from forestall.devbroker import DevPulsar, find_java, get_distribution
from forestall.devbroker.launch import clear_registrations
from tests import shared_broker

pytestmark = [pytest.mark.acceptance, pytest.mark.needs("java")]
TOPIC = "persistent://public/default/kept"


def _publish(broker: DevPulsar, first: int) -> None:
    import pulsar

    client = pulsar.Client(broker.url)
    try:
        producer = client.create_producer(TOPIC)
        for number in range(first, first + 10):
            producer.send(str(number).encode())
    finally:
        client.close()


def _kept(broker: DevPulsar) -> list[int]:
    import pulsar

    client = pulsar.Client(broker.url)
    try:
        reader = client.create_reader(TOPIC, pulsar.MessageId.earliest)
        found = []
        while reader.has_message_available():
            found.append(int(reader.read_next(5_000).data()))
        return found
    finally:
        client.close()


def test_it_comes_up_again_after_every_kill_with_what_was_acknowledged(
    own_pulsar: Callable[..., DevPulsar], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORESTALL_PULSAR_TOKEN", "a secret")
    broker = own_pulsar()
    assert broker.start()
    assert not broker.start()
    address, pid = broker.url, broker.pid
    environment = Path(f"/proc/{pid}/environ")
    if sys.platform == "linux":
        assert b"FORESTALL" not in environment.read_bytes()
    for number in range(3):
        _publish(broker, 10 * number)
        assert broker.kill()
        assert broker.start()
        assert broker.url == address
    assert _kept(broker) == list(range(30))
    assert broker.stop()
    assert not broker.is_ready()
    broker.wipe()
    assert not (broker.home / "data").exists()


def test_what_it_registered_is_still_there_after_a_kill_and_is_cleared(own_pulsar: Callable[..., DevPulsar]) -> None:
    """What the restart removes is what makes it livelock: it is there, and then it is gone."""
    broker = own_pulsar()
    broker.start()
    broker.kill()
    java, distribution = find_java(), get_distribution(shared_broker.distribution())
    assert clear_registrations(java, distribution, broker.home) > 0
    assert clear_registrations(java, distribution, broker.home) == 0


def test_data_that_another_process_uses_are_left_to_it(own_pulsar: Callable[..., DevPulsar]) -> None:
    """A state file that was lost must not lead to a second process on the same data."""
    broker = own_pulsar()
    broker.start()
    state = broker.home / "state.json"
    known = state.read_bytes()
    state.unlink()
    try:
        with pytest.raises(Exception, match="cannot be opened"):
            DevPulsar(broker.home, 0, 0, distribution=shared_broker.distribution()).start()
    finally:
        state.write_bytes(known)
