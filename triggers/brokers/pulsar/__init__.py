"""Apache Pulsar behind the broker protocol. The client is an extra, imported when a broker is opened."""

from triggers.brokers.pulsar.broker import PulsarBroker
from triggers.brokers.pulsar.settings import OAuth2, PulsarSettings

__all__ = ["OAuth2", "PulsarBroker", "PulsarSettings"]
