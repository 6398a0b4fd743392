"""A Pulsar that asks for tokens and speaks TLS: its keys, its tokens, its certificate, and who issues tokens."""

import asyncio
import base64
import datetime
import hashlib
import hmac
import ipaddress
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

KEY = b"0123456789abcdef0123456789abcdef"
LONG_AGO, FAR = 1_000_000_000, 4_000_000_000
Answer = tuple[int, str] | Callable[[], tuple[int, str]]


def token(role: str, key: bytes = KEY, **claims: Any) -> str:
    """A JWT, HS256."""
    parts = [json.dumps({"alg": "HS256"}), json.dumps({"sub": role, **claims})]
    signed = ".".join(_b64(part.encode()) for part in parts)
    return f"{signed}.{_b64(hmac.digest(key, signed.encode(), hashlib.sha256))}"


def configuration(certificate: Path, key: Path, tls_port: int, web_tls_port: int) -> dict[str, str]:
    """Lines for the broker."""
    plugin = "org.apache.pulsar.client.impl.auth.AuthenticationToken"
    return {
        "authenticationEnabled": "true",
        "authenticationProviders": "org.apache.pulsar.broker.authentication.AuthenticationProviderToken",
        "authenticationRefreshCheckSeconds": "1",
        "authorizationEnabled": "true",
        "superUserRoles": "admin",
        "tokenSecretKey": f"data:;base64,{base64.b64encode(KEY).decode()}",
        "brokerClientAuthenticationPlugin": plugin,
        "brokerClientAuthenticationParameters": f"token:{token('admin')}",
        "brokerServicePortTls": str(tls_port),
        "webServicePortTls": str(web_tls_port),
        "tlsCertificateFilePath": str(certificate),
        "tlsKeyFilePath": str(key),
    }


def make_certificate(folder: Path, address: str) -> tuple[Path, Path]:
    """Self-signed, for one address."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "forestall-test")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.datetime.fromtimestamp(LONG_AGO, datetime.UTC))
        .not_valid_after(datetime.datetime.fromtimestamp(FAR, datetime.UTC))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


class Issuer:
    """An OpenID issuer, as small as can be; `asked` are the forms that it was sent."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answer: Answer = (200, '{"access_token": "granted", "expires_in": 3600}')

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(
            (int(line.split(":")[1]) for line in head.splitlines() if line.lower().startswith("content-l")), 0
        )
        if length:
            self.asked.append((await reader.readexactly(length)).decode())
        host = next(line.split(": ")[1] for line in head.splitlines() if line.lower().startswith("host"))
        if "openid-configuration" in head:
            status, body = 200, f'{{"token_endpoint": "http://{host}/token"}}'
        else:
            status, body = self.answer() if callable(self.answer) else self.answer
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode())
        await writer.drain()
        writer.close()


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
