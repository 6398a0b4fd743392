"""What can be wrong with a Pulsar, named by the reaction wanted."""

import asyncio
import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydantic import SecretStr
from tenacity import wait_none

from tests.triggers.brokers.conftest import PulsarBackend, TickingClock, alone, drain, numbered, publish_singly
from tests.triggers.brokers.secured import Issuer
from triggers.brokers import AskOperator, Outgoing, RetryLater
from triggers.brokers.pulsar import OAuth2, PulsarBroker, PulsarSettings
from triggers.brokers.pulsar.broker import _AGAIN

AVRO = '{"type":"record","name":"Order","fields":[{"name":"id","type":"string"}]}'


async def open_broker(url: str, **options: object) -> PulsarBroker:
    return await PulsarBroker.open(replace(PulsarSettings(url, connect_timeout_s=1), **options), TickingClock())


@pytest.fixture
async def pulsar(pulsar_url, pulsar_web_url):
    if not pulsar_web_url:
        pytest.skip("set FORESTALL_TEST_PULSAR_WEB to the broker's REST address")
    backend = PulsarBackend(pulsar_url, pulsar_web_url)
    yield backend
    for broker in backend.opened:
        await broker.close()
    backend.remove()


@pytest.mark.parametrize("url", ["pulsar://", "http://broker:6650", "pulsar://broker:port", "broker"])
async def test_what_is_no_address_is_refused(url):
    with pytest.raises(AskOperator, match=r"pulsar_url: .* write it like pulsar://broker:6650"):
        await open_broker(url)


async def test_a_host_that_does_not_exist_is_named():
    with pytest.raises(AskOperator, match=r"pulsar_url: nowhere\.invalid:6650: there is no such host"):
        await open_broker("pulsar://nowhere.invalid")


async def test_nobody_listening_may_pass(unused_port):
    with pytest.raises(RetryLater, match=rf"127\.0\.0\.1:{unused_port}: .*is the broker up"):
        await open_broker(f"pulsar://127.0.0.1:{unused_port}")


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"\x00\x00\x00\x09\x00\x00\x00\x05hello"])
async def test_another_protocol_is_named(answer):
    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(other, "127.0.0.1", 0)
    async with server:
        with pytest.raises(AskOperator, match=r"does not speak Pulsar, or wants TLS"):
            await open_broker(f"pulsar://127.0.0.1:{server.sockets[0].getsockname()[1]}")


async def test_silence_may_pass():
    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(mute, "127.0.0.1", 0)
    async with server:
        with pytest.raises(RetryLater, match=r"no answer within 0\.1 s"):
            await open_broker(f"pulsar://127.0.0.1:{server.sockets[0].getsockname()[1]}", connect_timeout_s=0.1)


@pytest.fixture
def unused_port(unused_tcp_port: int) -> int:
    return unused_tcp_port


@pytest.mark.needs("pulsar")
async def test_one_of_several_hosts_is_enough(pulsar_url, unused_port):
    host = pulsar_url.removeprefix("pulsar://").rstrip("/")
    await (await open_broker(f"pulsar://127.0.0.1:{unused_port},{host}")).close()


@pytest.mark.needs("pulsar")
async def test_a_client_that_is_not_installed_is_named(pulsar_url, monkeypatch):
    monkeypatch.setitem(sys.modules, "pulsar", None)
    with pytest.raises(AskOperator, match=r"pip install 'forestall\[pulsar\]'"):
        await open_broker(pulsar_url)


@pytest.mark.needs("pulsar")
async def test_a_topic_that_is_gone_and_a_namespace_that_is_not_there_are_named(pulsar):
    policy = f"namespaces/{pulsar.namespace}/autoTopicCreation"
    pulsar.admin.post(policy, json={"allowAutoTopicCreation": False}).raise_for_status()
    broker = await pulsar.open()
    for asked in (broker.publish("gone", numbered(1)), broker.subscribe("gone", "monitor")):
        with pytest.raises(AskOperator, match=r"'gone': it does not exist.*pulsar_namespace"):
            await asked
    with pytest.raises(AskOperator, match=r"orders': it does not exist"):
        await broker.publish("persistent://public/nowhere/orders", numbered(1))
    pulsar.admin.put(f"persistent/{pulsar.namespace}/gone").raise_for_status()
    await broker.publish("gone", numbered(1))
    with pytest.raises(AskOperator, match=r"topic 'a/b'.*persistent://TENANT"):
        await broker.publish("a/b", numbered(1))


@pytest.mark.needs("pulsar")
async def test_a_topic_that_was_ended_is_named(pulsar):
    broker = await pulsar.open()
    await broker.publish("orders", numbered(1))
    pulsar.admin.post(f"persistent/{pulsar.namespace}/orders/terminate").raise_for_status()
    both = await asyncio.gather(*(broker.publish("orders", numbered(1)) for _ in range(2)), return_exceptions=True)
    for each in both:
        assert isinstance(each, AskOperator)
        assert re.search(r"'orders': it was terminated.*1 of 1 messages were not acknowledged", str(each))


@pytest.mark.needs("pulsar")
async def test_a_schema_is_read_by_version_and_one_that_forbids_bytes_is_named(pulsar):
    import pulsar as client

    # Before there is a topic: one that is loaded hears of a new policy some time later.
    enforce = f"namespaces/{pulsar.namespace}/schemaValidationEnforced"
    pulsar.admin.post(enforce, json=True).raise_for_status()
    broker = await pulsar.open()
    wider = AVRO.replace('"string"}]', '"string"},{"name":"n","type":"int","default":0}]')
    definitions = [AVRO, wider]
    with_schema = client.Client(pulsar.where["url"], logger=client.FileLogger(client.LoggerLevel.Error, "/dev/null"))
    for definition in definitions:
        schema = client.schema.AvroSchema(None, schema_definition=json.loads(definition))
        producer = with_schema.create_producer(f"persistent://{pulsar.namespace}/orders", schema=schema)
        producer.send({"id": "a", "n": 1})
    with_schema.close()
    received = await drain(await alone(broker, "orders", "monitor"))
    found = [await broker.schema("orders", message.schema_version) for message in received]
    assert ['"n"' in str(each) for each in found] == [False, True]
    assert await broker.schema("orders", None) == found[1]
    with pytest.raises(AskOperator, match=r"'orders': its schema does not allow plain bytes"):
        await broker.publish("orders", numbered(1))


@pytest.mark.needs("pulsar")
async def test_a_full_backlog_may_pass(pulsar):
    quota = f"namespaces/{pulsar.namespace}/backlogQuota?backlogQuotaType=destination_storage"
    pulsar.admin.post(quota, json={"limitSize": 10, "policy": "producer_exception"}).raise_for_status()
    broker = await pulsar.open()
    await broker.ensure_subscription("orders", "monitor")

    async def publish_for_ever() -> None:
        while True:
            await broker.publish("orders", [Outgoing(b"x" * 1000)])

    with pytest.raises(RetryLater, match=r"'orders': its backlog quota is full"):
        await publish_for_ever()


@pytest.mark.needs("pulsar")
async def test_without_its_rest_address_what_needs_it_says_so(pulsar, unused_port):
    for web_url, said in (
        ("", r"backlog.*set pulsar_web_url"),
        (f"http://127.0.0.1:{unused_port}", r"pulsar_web_url: http://127.0.0.1.*is it up"),
    ):
        kind = AskOperator if not web_url else RetryLater
        broker = await open_broker(pulsar.where["url"], web_url=web_url, namespace=pulsar.namespace, silence_s=0.01)
        await broker.publish("orders", numbered(3))
        with pytest.raises(kind, match=said):
            await broker.backlog("orders", "monitor")
        consumer = await alone(broker, "orders", f"monitor{len(web_url)}")
        await consumer.ack(await drain(consumer))
        await consumer.close()
        again = await alone(broker, "orders", f"monitor{len(web_url)}")
        assert await drain(again) == []  # silence is taken for the end
        if web_url:  # somebody has said whom to ask whether it is there
            with pytest.raises(RetryLater, match=said):
                await broker.history("never_made", 0)
        else:
            assert await (await broker.history("orders", 0)).read(10)
        await broker.close()
    assert "never_made" not in str(pulsar.admin.get(f"persistent/{pulsar.namespace}").json())


@pytest.mark.needs("pulsar")
async def test_what_the_broker_believes_to_have_sent_is_asked_for_again(pulsar):
    """As after apache/pulsar#26164: more is there, nothing of it comes, and the broker waits for us."""
    where = {name: pulsar.where[name] for name in ("web_url", "namespace")}
    broker = await open_broker(pulsar.where["url"], silence_s=0.05, **where)
    await broker.publish("orders", numbered(3))
    consumer = await alone(broker, "orders", "monitor", partition=0)
    swallowed = [await asyncio.to_thread(consumer._raw.receive) for _ in range(3)]
    assert len(swallowed) == 3
    assert [int(message.payload) for message in await drain(consumer)] == [0, 1, 2]
    await broker.close()


@pytest.mark.needs("pulsar")
async def test_what_was_acknowledged_in_the_middle_of_a_batch_may_come_again_but_nothing_is_lost(pulsar):
    """Pulsar keeps acknowledgements of whole entries unless it was told otherwise."""
    broker = await pulsar.open()
    await broker.publish("orders", numbered(20, "one"))
    await publish_singly(broker, "orders", [Outgoing(b"20", "one")])
    consumer = await alone(broker, "orders", "monitor")
    await consumer.ack((await drain(consumer))[:7])
    await consumer.close()
    again = [int(message.payload) for message in await drain(await alone(broker, "orders", "monitor"))]
    assert again in (list(range(7, 21)), list(range(21)))


async def test_an_oauth2_issuer_gives_the_token(tmp_path: Path):
    from triggers.brokers.pulsar.credentials import Credentials

    issuer = Issuer()
    server = await asyncio.start_server(issuer, "127.0.0.1", 0)
    key = tmp_path / "key.json"
    key.write_text('{"client_id": "us", "client_secret": "hush"}')
    oauth2 = OAuth2(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", SecretStr(str(key)), "urn:pulsar", "all")
    settings = PulsarSettings("pulsar://broker", oauth2=oauth2)
    async with server:
        credentials = Credentials(settings)
        for _ in range(2):
            assert await asyncio.to_thread(credentials.token) == "granted"
        assert [asked for asked in issuer.asked if asked] == [
            "grant_type=client_credentials&client_id=us&client_secret=hush&audience=urn%3Apulsar&scope=all"
        ]
        issuer.answer = (401, '{"error": "invalid_client"}')
        with pytest.raises(AskOperator, match=r"refuses our key \(invalid_client\).*audience and scope") as refused:
            await asyncio.to_thread(Credentials(settings).token)
        assert "hush" not in str(refused.value)
        issuer.answer = (200, "{}")
        with pytest.raises(AskOperator, match="must be an OpenID issuer"):
            await asyncio.to_thread(Credentials(settings).token)
    assert await asyncio.to_thread(credentials.token) == "granted"
    with pytest.raises(RetryLater, match=r"pulsar_oauth2_issuer_url: .*is it up"):
        await asyncio.to_thread(Credentials(settings).token)
    broken = replace(settings, oauth2=replace(oauth2, private_key=SecretStr("{}")))
    with pytest.raises(AskOperator, match=r"pulsar_oauth2_private_key: .*client_id and client_secret"):
        await asyncio.to_thread(Credentials(broken).token)


async def test_a_token_outlives_an_issuer_that_is_away_for_a_moment(monkeypatch):
    """It is asked again each few seconds; once the token has ended, that is told."""
    from triggers.brokers.pulsar import credentials as module

    now = [1000.0]
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    issuer = Issuer()
    server = await asyncio.start_server(issuer, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    oauth2 = OAuth2(address, SecretStr('{"client_id": "us", "client_secret": "hush"}'))
    async with server:
        credentials = module.Credentials(PulsarSettings("pulsar://broker", oauth2=oauth2))
        assert await asyncio.to_thread(credentials.token) == "granted"
        issuer.answer = (503, "{}")
        now[0] += 3545
        for _ in range(3):
            assert await asyncio.to_thread(credentials.token) == "granted"
        assert len(issuer.asked) == 2
        now[0] += 60
        with pytest.raises(RetryLater, match="answers 503"):
            await asyncio.to_thread(credentials.token)
        issuer.answer = (200, '{"access_token": "another"}')
        assert await asyncio.to_thread(credentials.token) == "another"


def test_two_ways_to_say_who_we_are_are_one_too_many():
    from triggers.brokers.pulsar.credentials import Credentials

    with pytest.raises(AskOperator, match="more than one is set"):
        Credentials(PulsarSettings("pulsar://broker", token=SecretStr("a"), token_file=Path("b")))


@pytest.mark.needs("pulsar")
@pytest.mark.parametrize("refusals", [2, 3])
async def test_a_reader_that_a_busy_broker_refuses_is_asked_for_three_times(pulsar, monkeypatch, refusals):
    from pulsar import BrokerMetadataError, Client

    broker = await pulsar.open()
    await broker.ensure_subscription("busy", "keep")
    await broker.publish("busy", numbered(3))
    real, left = Client.create_reader, refusals

    def create_reader(client, *given, **options):
        nonlocal left
        left -= 1
        if left >= 0:
            raise BrokerMetadataError("busy")
        return real(client, *given, **options)

    monkeypatch.setattr(Client, "create_reader", create_reader)
    monkeypatch.setattr("triggers.brokers.pulsar.broker._AGAIN", _AGAIN.copy(wait=wait_none()))
    if refusals == 2:
        assert len(await (await broker.history("busy", 0)).read(10)) == 3
        return
    with pytest.raises(RetryLater):
        await broker.history("busy", 0)
