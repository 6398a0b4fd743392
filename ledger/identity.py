"""What an event is known by within a subscription: a 128-bit hash of its name, and a 64-bit hash of its content.

XXH3 is not cryptographic, and need not be. A digest is only compared with the digest that came under the same identity,
so it tells a repetition from a reuse. Two names with one identity would hide an event; by chance that does not happen
(of 10**10 names: 10**-19). Whoever could compute such a pair may publish to the topic anyhow, and could have taken the
other name itself.
"""

import hashlib
from collections.abc import Iterable

from xxhash import xxh3_64_digest, xxh3_128_digest

from ledger.records import Records

IDENTITY_BYTES = 16
DIGEST_BYTES = 8
FORMER_DIGEST_BYTES = 16

content_digest = xxh3_64_digest
"""Of a payload as it came: other bytes are another content, whatever they mean."""


def name_prefix(tenant: str, source: str) -> str:
    """What names of this source begin with; the lengths keep one name from being read as another."""
    return f"{len(tenant)}:{tenant}{len(source)}:{source}"


def name_identity(prefix: str, event_id: str) -> bytes:
    """Raises:
    UnicodeEncodeError: the name is not Unicode.
    """
    return xxh3_128_digest((prefix + event_id).encode())


def name_identities(prefixes: Iterable[str], event_ids: Iterable[str]) -> Records:
    """`name_identity` of many, without a line of Python for each."""
    names = map(str.encode, map(str.__add__, prefixes, event_ids))
    return Records(b"".join(map(xxh3_128_digest, names)), IDENTITY_BYTES)


def former_identity(tenant: str, source: str, event_id: str) -> bytes:
    """As ledgers of version 1 have it."""
    return hashlib.blake2b("\x00".join((tenant, source, event_id)).encode(), digest_size=IDENTITY_BYTES).digest()


def former_digest(content: bytes) -> bytes:
    """As ledgers of version 1 have it."""
    return hashlib.blake2b(content, digest_size=FORMER_DIGEST_BYTES).digest()
