"""JSON documents: numbers stay as they were written."""

from decimal import Decimal

import msgspec

_decoder = msgspec.json.Decoder(dict[str, object], float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")


def of_json(payload: bytes) -> dict[str, object]:
    """The object that a message holds.

    Raises:
        ValueError: it is no JSON object.
    """
    try:
        return _decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"no JSON object: {error}") from error


def as_json(document: object) -> bytes:
    return _encoder.encode(document)
