"""Why a broker cannot be reached. The client reports a refused token as a timeout, so we shake hands ourselves.

The handshake is Pulsar's own: CommandConnect out, CommandConnected or CommandError back (PulsarApi.proto).
"""

import asyncio
import socket
import ssl

from triggers.brokers.errors import AskOperator, BrokerError, RetryLater
from triggers.brokers.pulsar.credentials import Credentials
from triggers.brokers.pulsar.settings import PulsarSettings
from triggers.brokers.pulsar.wire import fields, number, text

_CONNECT, _CONNECTED, _ERROR, _AUTH_CHALLENGE = 2, 3, 14, 36
_PROTOCOL_VERSION = 20
_AUTHENTICATION_ERRORS = frozenset({3, 4})
_MAX_FRAME = 5 * 1024 * 1024 + 10 * 1024


async def probe(settings: PulsarSettings, credentials: Credentials) -> BrokerError | None:
    """None when one of the hosts lets us in, else what the last one lacks."""
    problem: BrokerError | None = None
    try:
        token, tls = await asyncio.to_thread(credentials.token), settings.tls
    except BrokerError as error:
        return error
    for host, port in settings.addresses:
        context = tls if settings.url.startswith("pulsar+ssl://") else None
        problem = await _knock(host, port, context, token, settings)
        if problem is None:
            return None
    return problem


async def _knock(
    host: str, port: int, tls: ssl.SSLContext | None, token: str | None, settings: PulsarSettings
) -> BrokerError | None:
    where = f"pulsar_url: {host}:{port}"
    try:
        async with asyncio.timeout(settings.connect_timeout_s):
            reader, writer = await asyncio.open_connection(host, port, ssl=tls)
            try:
                writer.write(_hello(token))
                await writer.drain()
                return _verdict(where, await _frame(reader), token is not None, tls is not None)
            finally:
                writer.close()
    except socket.gaierror as error:
        return AskOperator(f"{where}: there is no such host ({error.strerror}); correct the address")
    except ssl.SSLCertVerificationError as error:
        return AskOperator(
            f"{where}: its certificate is not trusted ({error.verify_message}); name its authority in"
            " pulsar_tls_trust_certs, and the host as the certificate does"
        )
    except ssl.SSLError:
        return _another_protocol(where, with_tls=True)
    except TimeoutError:
        return RetryLater(
            f"{where}: no answer within {settings.connect_timeout_s:g} s; is the broker up, is it Pulsar?"
        )
    except (asyncio.IncompleteReadError, ConnectionResetError):
        return _another_protocol(where, with_tls=tls is not None)
    except OSError as error:
        return RetryLater(f"{where}: {error.strerror or error}; is the broker up, is this its address?")


def _verdict(where: str, frame: dict[int, int | bytes], with_token: bool, with_tls: bool) -> BrokerError | None:
    kind = frame.get(1)
    if kind in (_CONNECTED, _AUTH_CHALLENGE):
        return None
    error = frame.get(_ERROR)
    if kind != _ERROR or not isinstance(error, bytes):
        return _another_protocol(where, with_tls=with_tls)
    details = fields(error)
    message = details.get(3, b"")
    said = message.decode(errors="replace")[:200] if isinstance(message, bytes) else ""
    if details.get(2) in _AUTHENTICATION_ERRORS:
        if not with_token:
            return AskOperator(f"{where}: wants a token, none is set ({said}); set pulsar_token or pulsar_token_file")
        return AskOperator(f"{where}: refuses our token ({said}); renew it: it may be expired or of another broker")
    return RetryLater(f"{where}: {said or 'not ready'}")


def _another_protocol(where: str, *, with_tls: bool) -> AskOperator:
    if with_tls:
        return AskOperator(f"{where}: does not speak Pulsar over TLS; name its TLS port, or use pulsar://")
    return AskOperator(f"{where}: does not speak Pulsar, or wants TLS (pulsar+ssl://)")


async def _frame(reader: asyncio.StreamReader) -> dict[int, int | bytes]:
    total = int.from_bytes(await reader.readexactly(4))
    if not 4 < total <= _MAX_FRAME:
        return {}
    body = await reader.readexactly(total)
    size = int.from_bytes(body[:4])
    return fields(body[4 : 4 + size])


def _hello(token: str | None) -> bytes:
    connect = text(1, b"forestall") + number(4, _PROTOCOL_VERSION)
    if token is not None:
        connect += text(5, b"token") + text(3, token.encode())
    command = number(1, _CONNECT) + text(2, connect)
    return (len(command) + 4).to_bytes(4) + len(command).to_bytes(4) + command
