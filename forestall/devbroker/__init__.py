"""A real Pulsar on this machine: `forestall dev pulsar` and the tests start it, nothing else needs it."""

from forestall.devbroker.broker import DevPulsar
from forestall.devbroker.distribution import cached, get_distribution
from forestall.devbroker.java import find_java, find_maven

__all__ = ["DevPulsar", "cached", "find_java", "find_maven", "get_distribution"]
