"""Acknowledgements: one for many where a consumer alone reads in order, each by itself elsewhere."""

from collections.abc import Callable, Sequence
from typing import Any

from triggers.brokers.protocol import Message
from triggers.brokers.pulsar.messages import PulsarMessages, raws_of


class Acks:
    """What was handed out and is not acknowledged, in order. The client sends in bulk, within 100 ms."""

    def __init__(self, consumer: Any, partition: int | None, *, cumulative: bool) -> None:
        self.consumer, self._partition = consumer, partition
        self._cumulative = cumulative
        self._outstanding: list[Any] = []

    @property
    def any_outstanding(self) -> bool:
        return bool(self._outstanding)

    def handed_out(self, messages: PulsarMessages) -> None:
        if self._cumulative:
            self._outstanding += messages.raws

    def up_to(self, messages: Sequence[Message]) -> bool:
        """Acknowledge them in one go, if they are the first of what was handed out: all before them is done."""
        raws = raws_of(messages)
        if not self._cumulative or self._outstanding[: len(raws)] != raws:
            return False
        del self._outstanding[: len(raws)]
        for raw in self._last_of_each_partition(raws):
            self.consumer.acknowledge_cumulative(raw)
        return True

    def _last_of_each_partition(self, raws: list[Any]) -> list[Any]:
        if self._partition is not None:
            return raws[-1:]
        return list({raw.message_id().partition(): raw for raw in raws}.values())

    def individually(self, messages: Sequence[Message]) -> Callable[[], None]:
        """Any, any number of times; those of a batch count for a restart when all of it are acknowledged.

        What it returns does it, in whichever thread.
        """
        raws, acknowledge = raws_of(messages), self.consumer.acknowledge
        if self._outstanding:
            done = set(map(id, raws))
            self._outstanding = [each for each in self._outstanding if id(each) not in done]

        def send() -> None:
            for raw in raws:
                acknowledge(raw)

        return send
