"""A development broker: one state file says what runs, and nothing else is ever killed or half-used."""

import httpx
import pytest


@pytest.mark.needs("pulsar")
def test_a_shared_broker_is_there(pulsar_url: str, pulsar_web_url: str) -> None:
    assert pulsar_url.startswith("pulsar")
    assert not pulsar_web_url or httpx.get(f"{pulsar_web_url}/admin/v2/brokers/ready").status_code == 200


@pytest.mark.needs("pulsar")
def test_a_shared_broker_is_there2(pulsar_url: str, pulsar_web_url: str) -> None:
    assert pulsar_url.startswith("pulsar")
    assert not pulsar_web_url or httpx.get(f"{pulsar_web_url}/admin/v2/brokers/ready").status_code == 200
