"""Acknowledgements: one for many where a consumer alone reads in order, each by itself elsewhere."""

from collections.abc import Sequence
from typing import Any

from triggers.brokers.protocol import Message
from triggers.brokers.pulsar.messages import PulsarMessage


class Acks:
    """What was handed out and is not acknowledged, in order. The client sends in bulk, within 100 ms."""

    def __init__(self, consumer: Any, *, cumulative: bool) -> None:
        self._consumer = consumer
        self._cumulative = cumulative
        self._outstanding: list[Message] = []

    @property
    def any_outstanding(self) -> bool:
        return bool(self._outstanding)

    def handed_out(self, messages: list[Message]) -> None:
        if self._cumulative:
            self._outstanding += messages

    def up_to(self, messages: Sequence[Message]) -> bool:
        """Acknowledge them in one go, if they are the first of what was handed out: all before them is done."""
        if not self._cumulative or self._outstanding[: len(messages)] != list(messages):
            return False
        del self._outstanding[: len(messages)]
        for message in {each.partition: each for each in messages}.values():
            self._consumer.acknowledge_cumulative(_raw(message))
        return True

    def individually(self, messages: Sequence[Message]) -> None:
        """Any, any number of times; those of a batch count for a restart when all of it are acknowledged."""
        for message in messages:
            self._consumer.acknowledge(_raw(message))
        if self._outstanding:
            done = set(map(id, messages))
            self._outstanding = [each for each in self._outstanding if id(each) not in done]


def _raw(message: Message) -> Any:
    if not isinstance(message, PulsarMessage):
        raise TypeError(f"{type(message).__name__}: only a message that this broker handed out can be acknowledged")
    return message.raw
