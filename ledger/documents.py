"""How the ledger writes JSON: msgspec, which reads back exactly what it wrote."""

from typing import Any

import msgspec

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()


def pack_doc(value: object) -> str:
    return _encoder.encode(value).decode()


def unpack_doc(text: str | bytes) -> Any:
    return _decoder.decode(text)
