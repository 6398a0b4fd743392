"""What is told on the word of a web address names that address, and where it comes from."""

import asyncio

import pytest

from forestall.brokers import not_there
from tests.triggers.brokers.conftest import TickingClock
from triggers.brokers import AskOperator
from triggers.brokers.pulsar import PulsarBroker, PulsarSettings
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


@pytest.mark.needs("pulsar")
@pytest.mark.parametrize("body", ["3", "[null, 3, {}]", '{"a": 1}', '"abc"', "[" * 100_000, "<html>"])
async def test_what_answers_something_else_is_named_and_no_look_fails_on_it(pulsar_url: str, body: str) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body.encode())
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        settings = PulsarSettings(pulsar_url, web_url=f"http://127.0.0.1:{port}")
        broker = await PulsarBroker.open(settings, TickingClock())
        with pytest.raises(AskOperator, match=f"pulsar_web_url: http://127.0.0.1:{port}: no Pulsar answers there"):
            await broker.topics()
        assert await not_there(broker, ["orders"]) == {}
        await broker.close()
