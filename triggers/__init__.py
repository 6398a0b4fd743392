"""Brokers, intake, relay, webhook, worker: the only room that knows that a broker exists."""

from triggers.intake import Intake
from triggers.relay import Relay
from triggers.webhook import Webhook
from triggers.worker import Worker

__all__ = ["Intake", "Relay", "Webhook", "Worker"]
