"""Brokers: one small protocol, an implementation a file."""

from triggers.brokers.embedded import EmbeddedBroker, EmbeddedSettings
from triggers.brokers.errors import AskOperator, BrokerError, RefuseMessage, RetryLater, StopConsuming
from triggers.brokers.protocol import (
    MAX_MESSAGE_BYTES,
    Broker,
    Consumer,
    Initial,
    Message,
    Outgoing,
    Reader,
    Sharing,
    Usage,
)

__all__ = [
    "MAX_MESSAGE_BYTES",
    "AskOperator",
    "Broker",
    "BrokerError",
    "Consumer",
    "EmbeddedBroker",
    "EmbeddedSettings",
    "Initial",
    "Message",
    "Outgoing",
    "Reader",
    "RefuseMessage",
    "RetryLater",
    "Sharing",
    "StopConsuming",
    "Usage",
]
