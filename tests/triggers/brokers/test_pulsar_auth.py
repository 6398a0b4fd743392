"""Who may do what on a Pulsar that asks: each refusal is named, and none looks like a timeout."""

import asyncio
import json
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from contracts import SECOND
from forestall.devbroker import DevPulsar
from tests import shared_broker
from tests.triggers.brokers.conftest import ROOT, TickingClock, alone, drain, numbered, numbers, publish_singly, take
from tests.triggers.brokers.secured import LONG_AGO, Issuer, configuration, make_certificate, token
from triggers.brokers import AskOperator, Outgoing, RetryLater, Usage
from triggers.brokers.pulsar import OAuth2, PulsarBroker, PulsarSettings
from triggers.clock import WallClock

pytestmark = pytest.mark.needs("pulsar", "java")
LIFE_S = 2
FORGED = token("reader", b"another key, another key, another")


class Secured:
    """The broker, and what its clients need."""

    def __init__(self, broker: DevPulsar, tls_port: int, web_tls_port: int, certificate: Path) -> None:
        self.url, self.web_url, self.certificate = broker.url, broker.web_url, certificate
        self.tls_url, self.web_tls_url = f"pulsar+ssl://127.0.0.1:{tls_port}", f"https://127.0.0.1:{web_tls_port}"

    def settings(self, role: str | None = "worker", **options: object) -> PulsarSettings:
        chosen = PulsarSettings(self.url, self.web_url, "public/secured", operation_timeout_s=4)
        return replace(chosen, **{"token": SecretStr(token(role)) if role else None, **options})


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """`worker` may produce and consume in public/secured; `reader` may consume `orders`; `nobody` may do nothing."""
    folder = tmp_path_factory.mktemp("secured-pulsar")
    certificate, key = make_certificate(folder, "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as free, socket.create_server(("127.0.0.1", 0)) as other:
        ports = free.getsockname()[1], other.getsockname()[1]
    extra = configuration(certificate, key, *ports)
    broker = DevPulsar(folder / "pulsar", 0, 0, extra, distribution=shared_broker.distribution(), token=token("admin"))
    broker.start()
    try:
        admin = httpx.Client(
            base_url=f"{broker.web_url}/admin/v2/", headers={"Authorization": f"Bearer {token('admin')}"}, timeout=30
        )
        with admin:
            admin.put("namespaces/public/secured").raise_for_status()
            rights = "namespaces/public/secured/permissions/worker"
            admin.post(rights, json=["produce", "consume"]).raise_for_status()
            admin.put("persistent/public/secured/orders").raise_for_status()
            admin.post("persistent/public/secured/orders/permissions/reader", json=["consume"]).raise_for_status()
        yield Secured(broker, *ports, certificate)
    finally:
        broker.kill()


async def open_broker(settings: PulsarSettings) -> PulsarBroker:
    return await PulsarBroker.open(settings, TickingClock())


async def test_a_role_without_admin_rights_can_work(secured):
    broker = await open_broker(secured.settings())
    await broker.ensure_subscription("plain", "monitor")
    await broker.publish("plain", numbered(5))
    assert await broker.backlog("plain", "monitor") == 1
    consumer = await alone(broker, "plain", "monitor")
    received = await drain(consumer)
    await consumer.ack(received)
    await consumer.close()
    again = await alone(broker, "plain", "monitor")
    assert await drain(again) == []
    assert numbers(await (await broker.history("plain", 0)).read(10)) == list(range(5))
    assert await broker.schema("plain", None) is None
    assert await broker.partitions("plain") == 1
    assert "plain" in await broker.matching("pl.*")
    assert await broker.usage("plain", "monitor", handled=True) == Usage(handled=1)
    await broker.create_topic("made", 1)
    with pytest.raises(AskOperator, match=r"'split'.*does not let role 'worker'.*administrator"):
        await broker.create_topic("split", 3)
    await broker.close()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (None, "wants a token, none is set.*set pulsar_token"),
        (FORGED, "refuses our token.*renew it"),
        (token("worker", exp=LONG_AGO), "refuses our token.*renew it"),
        ("no token at all", "refuses our token.*renew it"),
    ],
)
async def test_a_missing_forged_or_expired_token_is_told_apart_from_a_timeout(secured, wrong, said):
    settings = secured.settings(None, token=wrong and SecretStr(wrong))
    with pytest.raises(AskOperator, match=said) as refused:
        await open_broker(settings)
    assert wrong is None or wrong not in str(refused.value)


async def test_a_token_that_ends_while_we_work_is_told(secured):
    """The client calls it a timeout; asked why, the broker says what it is."""
    tokens = [token("worker")]
    broker = await open_broker(secured.settings(None, token=lambda: tokens[0]))
    tokens[0] = FORGED
    error = await broker._connection.explain("Timeout", "orders", "consume")
    assert isinstance(error, AskOperator)
    assert "refuses our token" in str(error)
    with pytest.raises(AskOperator, match="refuses our token"):
        await broker.backlog("orders", "monitor")
    tokens[0] = token("worker")
    assert "did not do it (Timeout)" in str(await broker._connection.explain("Timeout", "orders", "consume"))
    await broker.close()


async def test_a_right_that_is_missing_is_named_with_topic_and_role(secured):
    broker = await open_broker(secured.settings("reader"))
    with pytest.raises(AskOperator, match=r"'orders'.*does not let role 'reader' produce.*grant-permission"):
        await broker.publish("orders", [Outgoing(b"0")])
    assert await drain(await alone(broker, "orders", "reader")) == []
    with pytest.raises(AskOperator, match=r"'other'.*does not let role 'reader' consume"):
        await broker.subscribe("other", "monitor")
    await broker.close()
    nobody = await open_broker(secured.settings("nobody"))
    for asked in (nobody.subscribe("orders", "monitor"), nobody.topics(), nobody.backlog("orders", "reader")):
        with pytest.raises(AskOperator, match="does not let role 'nobody'"):
            await asked
    await nobody.close()


async def test_a_token_is_read_from_its_file_at_every_connection(secured, tmp_path):
    file = tmp_path / "token"
    settings = secured.settings(None, token_file=file)
    with pytest.raises(AskOperator, match=r"pulsar_token_file: .*token: .*holds the token alone"):
        await open_broker(settings)
    file.write_text("\n")
    with pytest.raises(AskOperator, match=r"pulsar_token_file: .*token: it is empty"):
        await open_broker(settings)
    file.write_text(FORGED)
    with pytest.raises(AskOperator, match="refuses our token"):
        await open_broker(settings)
    file.write_text(token("worker") + "\n")
    broker = await open_broker(settings)
    await broker.publish("plain", numbered(1))
    await broker.close()


async def test_tls_with_a_certificate_of_ones_own(secured):
    settings = secured.settings(url=secured.tls_url, tls_trust_certs=secured.certificate)
    broker = await open_broker(settings)
    await broker.ensure_subscription("tls", "monitor")
    await broker.publish("tls", numbered(3))
    assert numbers(await drain(await alone(broker, "tls", "monitor"))) == [0, 1, 2]
    await broker.close()
    with pytest.raises(AskOperator, match=r"certificate is not trusted.*pulsar_tls_trust_certs"):
        await open_broker(replace(settings, tls_trust_certs=None))
    with pytest.raises(AskOperator, match="wants TLS"):
        await open_broker(replace(settings, url=secured.tls_url.replace("pulsar+ssl", "pulsar")))
    with pytest.raises(AskOperator, match="does not speak Pulsar over TLS"):
        await open_broker(replace(settings, url=secured.url.replace("pulsar", "pulsar+ssl")))
    with pytest.raises(AskOperator, match=r"pulsar_tls_trust_certs: .*name a PEM file"):
        await open_broker(replace(settings, tls_trust_certs=Path("nowhere.pem")))


async def test_what_is_asked_over_http_goes_over_tls(secured, tmp_path):
    """Backlog, partitions, patterns and schemas; an authority that is not the broker's is named, and is no outage."""
    secure = {"url": secured.tls_url, "web_url": secured.web_tls_url, "tls_trust_certs": secured.certificate}
    broker = await open_broker(secured.settings("admin", **secure))
    await broker.create_topic("web.split", 2)
    await broker.ensure_subscription("web.split", "monitor")
    await publish_singly(broker, "web.split", numbered(3))
    assert await broker.backlog("web.split", "monitor") == 3
    assert await broker.partitions("web.split") == 2
    assert await broker.matching(r"web\..*") == ["web.split"]
    assert await broker.schema("web.split", None) is None
    await broker.close()
    other, _ = make_certificate(tmp_path, "127.0.0.1")
    for url, trusted in ((secured.url, other), (secured.url, None)):
        distrusting = await open_broker(secured.settings(url=url, web_url=secured.web_tls_url, tls_trust_certs=trusted))
        with pytest.raises(AskOperator, match=r"pulsar_web_url: .*certificate is not trusted.*pulsar_tls_trust_certs"):
            await distrusting.backlog("web.split", "monitor")
        await distrusting.close()
    plain = await open_broker(secured.settings(web_url=secured.web_tls_url.replace("https", "http")))
    with pytest.raises((AskOperator, RetryLater), match="pulsar_web_url"):
        await plain.topics()
    await plain.close()


async def test_a_certificate_of_another_host_is_refused(secured, tmp_path):
    """Only where the host is to be validated."""
    other, key = make_certificate(tmp_path, "127.0.0.2")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(other, key)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    settings = secured.settings(url=f"pulsar+ssl://127.0.0.1:{port}", tls_trust_certs=other)
    with pytest.raises(AskOperator, match=r"certificate is not trusted.*mismatch"):
        await open_broker(settings)
    with pytest.raises(AskOperator, match="does not speak Pulsar"):
        await open_broker(replace(settings, tls_validate_hostname=False))
    server.close()


async def passed_on(broker, consumer, goes_on):
    """One message after the other."""
    while goes_on():
        await broker.publish("granted", numbered(1))
        await consumer.ack(await take(consumer, 1))


async def test_oauth2_all_the_way_and_each_token_but_for_a_moment(secured, tmp_path):
    """Client credentials, the issuer's JWT, the broker's judgement; renewed on one connection, as often as it ends."""
    key = tmp_path / "key.json"
    key.write_text('{"client_id": "us", "client_secret": "hush"}')
    issuer = Issuer()

    def granted() -> tuple[int, str]:
        ends = WallClock().now() // SECOND + LIFE_S
        return 200, json.dumps({"access_token": token("worker", exp=ends), "expires_in": LIFE_S})

    issuer.answer = granted
    server = await asyncio.start_server(issuer, "127.0.0.1", 0)
    oauth2 = OAuth2(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", SecretStr(str(key)), "urn:pulsar")
    async with server:
        broker = await open_broker(secured.settings(None, oauth2=oauth2, send_timeout_s=1))
        consumer = await alone(broker, "granted", "monitor")
        begun = WallClock().now()
        await passed_on(broker, consumer, lambda: WallClock().now() < begun + 2 * LIFE_S * SECOND)
        assert len(issuer.asked) > 1
        async with asyncio.timeout(30):
            while await broker.backlog("granted", "monitor"):
                pass  # acknowledgements are sent soon, not at once
        issuer.answer = (401, '{"error": "invalid_client"}')
        with pytest.raises(AskOperator, match=r"pulsar_oauth2_issuer_url: .*refuses our key \(invalid_client\)"):
            await passed_on(broker, consumer, lambda: True)
        issuer.answer = granted
        await broker.publish("granted", [Outgoing(b"again")])
        assert (await take(consumer, 1))[-1].payload in (b"0", b"again"), "the one that was refused may have arrived"
        await broker.close()


CHATTER = """
import asyncio, logging, sys
from pydantic import SecretStr
from triggers.brokers import Outgoing
from triggers.brokers.pulsar import PulsarBroker, PulsarSettings

class Clock:
    def now(self):
        return 0

async def main(url, token):
    logging.basicConfig(level=logging.DEBUG, stream=sys.stdout)
    logging.getLogger("forestall.pulsar").setLevel(logging.DEBUG)
    settings = PulsarSettings(url, namespace="public/secured", token=SecretStr(token))
    print(repr(settings))
    broker = await PulsarBroker.open(settings, Clock())
    await broker.publish("plain", [Outgoing(b"0")])
    await broker.close()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_no_token_is_in_what_the_client_logs(secured):
    """In a process of its own: the client's logger is that of the first client in a process."""
    secret = token("worker")
    command = [sys.executable, "-c", CHATTER, secured.url, secret]
    said = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "DEBUG:forestall.pulsar" in said.stdout
    assert secret not in said.stdout + said.stderr
