"""What no broker accepts."""

from collections.abc import Sequence

from triggers.brokers.errors import RefuseMessage
from triggers.brokers.protocol import Outgoing


def check_messages(batch: Sequence[Outgoing], max_message_bytes: int) -> None:
    """Refuse what could not be stored or read back.

    Raises:
        RefuseMessage: a message is too large, or is no bytes and text; its `index` names it.
    """
    for index, one in enumerate(batch):
        try:
            size = _size(one)
        except (TypeError, AttributeError, UnicodeEncodeError) as error:
            reason = f"message {index} of the batch: {error}; payload must be bytes, key and properties Unicode text"
            raise RefuseMessage(reason, index) from error
        if size > max_message_bytes:
            raise RefuseMessage(
                f"message {index} of the batch: {size} bytes, at most {max_message_bytes} are allowed"
                " (max_message_bytes); send a reference to the data instead",
                index,
            )


def _size(one: Outgoing) -> int:
    if not isinstance(one.payload, bytes):
        raise TypeError(f"payload is {type(one.payload).__name__}")
    size = len(one.payload)
    if one.key is not None:
        size += len(one.key.encode())
    for name, value in one.properties.items():
        size += len(name.encode()) + len(value.encode())
    return size
