"""Brokers, intake, relay, webhook, workers: the only room that knows that a broker exists."""

from triggers.intake import Intake, StreamStatus
from triggers.relay import Relay
from triggers.webhook import Webhook
from triggers.worker import Worker, drain

__all__ = ["Intake", "Relay", "StreamStatus", "Webhook", "Worker", "drain"]
