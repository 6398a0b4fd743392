"""Documents as JSON."""

import msgspec

_encoder = msgspec.json.Encoder(decimal_format="number")


def as_json(document: object) -> bytes:
    """Numbers stay as they were written."""
    return _encoder.encode(document)
