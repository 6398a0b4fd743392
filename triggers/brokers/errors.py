"""What can go wrong with a broker, by the reaction wanted.

BrokerError
├── RetryLater        nothing was done; the same call may succeed later (busy, disconnected)
├── RefuseMessage     this message will never be accepted: quarantine it, go on with the others
├── AskOperator       nothing more will work before a person has acted (disk full, read-only, corrupt, newer format)
└── StopConsuming     this broker or consumer is closed, or another process has taken its place: end the loop
"""


class BrokerError(Exception):
    """A broker did not do what it was asked."""


class RetryLater(BrokerError):
    """A passing fault; nothing was done."""


class RefuseMessage(BrokerError):
    """The message at `index` of the batch breaks a bound; nothing of the batch was published."""

    def __init__(self, reason: str, index: int) -> None:
        super().__init__(reason)
        self.index = index


class AskOperator(BrokerError):
    """A lasting fault that a person has to remove."""


class StopConsuming(BrokerError):
    """Closed, or replaced by a newer holder of the same name."""
