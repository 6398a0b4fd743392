"""A real Pulsar on this machine: `forestall dev pulsar` and the tests start it, nothing else needs it."""

from forestall.devbroker.broker import DevPulsar
from forestall.devbroker.distribution import cached, get_distribution
from forestall.devbroker.java import find_java, find_maven
from forestall.devbroker.logs import follow as follow_log

__all__ = ["DevPulsar", "cached", "find_java", "find_maven", "follow_log", "get_distribution"]
