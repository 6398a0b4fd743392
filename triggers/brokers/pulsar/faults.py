"""What the client reports, by the reaction wanted. `None`: it may be many things, ask `probe`."""

from triggers.brokers.errors import AskOperator, BrokerError, RetryLater

_GONE = "TopicNotFound", "SubscriptionNotFound", "ConsumerNotFound"
_QUOTA = "ProducerBlockedQuotaExceededError", "ProducerBlockedQuotaExceededException"
_UNUSABLE = "InvalidUrl", "InvalidConfiguration", "UnsupportedVersionError", "CryptoError"
_GIVE_UP = frozenset({"AuthorizationError", "IncompatibleSchema", "TopicTerminated", "InvalidTopicName", *_GONE})


def is_lasting(code: str) -> bool:
    """Whether the producer or consumer that reported it is of no more use."""
    return code in _GIVE_UP


def translate(code: str, topic: str, right: str, role: str) -> BrokerError | None:
    """`code` is the name of the client's exception or result; `right` what we wanted: consume or produce."""
    where = f"topic {topic!r}"
    if code == "AuthorizationError":
        return AskOperator(
            f"{where}: the broker does not let {role} {right}; have it granted: pulsar-admin topics grant-permission"
            f" --role ROLE --actions {right} TOPIC"
        )
    if code in _GONE:
        return AskOperator(
            f"{where}: it does not exist (any more), or its namespace does not, and the broker creates none by itself;"
            " create it, or correct the name (pulsar_namespace)"
        )
    if code == "IncompatibleSchema":
        return AskOperator(f"{where}: its schema does not allow plain bytes; use a topic without a schema")
    if code == "TopicTerminated":
        return AskOperator(f"{where}: it was terminated and takes no more messages; use another topic")
    if code == "InvalidTopicName":
        return AskOperator(f"{where}: no name of a topic; correct it")
    if code in _UNUSABLE:
        return AskOperator(
            f"{where}: the client reports {code}; check pulsar_url and the broker's version (2.10 or newer)"
        )
    if code == "ConsumerBusy":
        return RetryLater(f"{where}: another consumer reads this subscription, exclusively or shared otherwise")
    if code in ("ProducerBusy", "ProducerFenced"):
        return RetryLater(f"{where}: another producer writes it exclusively")
    if code in _QUOTA:
        return RetryLater(f"{where}: its backlog quota is full; let its consumers catch up, or raise the quota")
    if code in ("MemoryBufferIsFull", "ProducerQueueIsFull"):
        return RetryLater(f"{where}: too much is on its way already")
    return None
