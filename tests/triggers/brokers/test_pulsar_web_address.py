"""What is told on the word of a web address names that address, and where it comes from."""

import pytest

from triggers.brokers.pulsar import PulsarSettings
from triggers.brokers.pulsar.credentials import Credentials
from triggers.brokers.pulsar.rest import Rest


@pytest.mark.parametrize(
    ("web_url", "told"),
    [
        (None, "says http://broker:8080 (pulsar_web_url, derived from pulsar_url)"),
        ("http://other:8081", "says http://other:8081 (pulsar_web_url)"),
    ],
)
async def test_who_was_asked(web_url: str | None, told: str) -> None:
    settings = PulsarSettings(url="pulsar://broker:6650", web_url=web_url)
    rest = Rest(settings, Credentials(settings))
    assert rest.asked == told
    await rest.close()
