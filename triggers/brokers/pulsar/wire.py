"""As much of protobuf's encoding as a handshake needs."""


def number(field: int, value: int) -> bytes:
    """A varint field."""
    return _varint(field << 3) + _varint(value)


def text(field: int, value: bytes) -> bytes:
    """A length-delimited field."""
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def fields(data: bytes) -> dict[int, int | bytes]:
    """The numbers and byte strings of a protobuf message, by field; what breaks the format ends it."""
    found: dict[int, int | bytes] = {}
    at = 0
    try:
        while at < len(data):
            tag, at = _read_varint(data, at)
            value, at = _read_varint(data, at)
            if tag & 7 == 2:
                found[tag >> 3] = data[at : at + value]
                at += value
            elif tag & 7 == 0:
                found[tag >> 3] = value
            else:
                break
    except IndexError:
        pass
    return found


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
