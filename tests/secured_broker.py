"""What a Pulsar needs in its configuration to ask for tokens, and the tokens."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping

KEY = b"a key of thirty-two bytes or more, for tests"
ADMIN = "admin"


def token(role: str, key: bytes = KEY, **claims: object) -> str:
    """A JSON Web Token (RFC 7519, HS256) for a role."""
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "typ": "JWT"}, {"sub": role, **claims})]
    signed = b".".join(_text(part) for part in parts)
    return b".".join([signed, _text(hmac.digest(key, signed, hashlib.sha256))]).decode()


def configuration() -> Mapping[str, str]:
    """`extra` of a DevPulsar whose `token` is `token(ADMIN)`: every role but that one has to be allowed each thing."""
    return {
        "authenticationEnabled": "true",
        "authenticationRefreshCheckSeconds": "1",
        "authorizationEnabled": "true",
        "authenticationProviders": "org.apache.pulsar.broker.authentication.AuthenticationProviderToken",
        "tokenSecretKey": f"data:;base64,{base64.b64encode(KEY).decode()}",
        "superUserRoles": ADMIN,
        "brokerClientAuthenticationPlugin": "org.apache.pulsar.client.impl.auth.AuthenticationToken",
        "brokerClientAuthenticationParameters": f"token:{token(ADMIN)}",
    }


def _text(part: bytes) -> bytes:
    return base64.urlsafe_b64encode(part).rstrip(b"=")
