"""JSON payloads as documents."""

from decimal import Decimal
from typing import Any

import msgspec

from agents.mapping.mapper import Fault

decode_json = msgspec.json.Decoder(float_hook=Decimal).decode
"""What the JSON says; a number with a point becomes a `Decimal`. Raises ValueError, ArithmeticError, RecursionError."""


def read_json(payload: bytes) -> Any:
    """What the JSON says, or a `Fault`. A number with a point becomes a `Decimal`: money keeps its digits."""
    try:
        return decode_json(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Fault(None, None, f"not JSON: {error}", "malformed")
    except ArithmeticError:
        return Fault(None, None, "not JSON: a number with an absurd exponent", "malformed")
    except RecursionError:
        return Fault(None, None, "not JSON: nested too deeply", "malformed")
