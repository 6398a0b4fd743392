"""Names of topics: short ones live in the configured namespace, full ones anywhere."""

import re
from dataclasses import dataclass
from urllib.parse import quote

from triggers.brokers.errors import AskOperator

_FULL = re.compile(r"(persistent|non-persistent)://([^/]+)/([^/]+)/(.+)")
_PARTITION = re.compile(r"(.+)-partition-(\d+)")


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic, as it was named and in full."""

    name: str
    full: str

    @property
    def path(self) -> str:
        """Its path in the REST interface."""
        domain, rest = self.full.split("://")
        tenant, namespace, local = rest.split("/", 2)
        return f"{domain}/{tenant}/{namespace}/{quote(local, safe='')}"

    def partition(self, number: int) -> str:
        """The full name of one partition of a partitioned topic."""
        return f"{self.full}-partition-{number}"


def topic_named(name: str, namespace: str) -> Topic:
    """The topic of a short or full name.

    Raises:
        AskOperator: it is neither.
    """
    if _FULL.fullmatch(name):
        return Topic(name, name)
    if not name or "/" in name:
        raise AskOperator(f"topic {name!r}: write a plain name, or persistent://TENANT/NAMESPACE/NAME")
    return Topic(name, f"persistent://{namespace}/{name}")


def short_name(full: str, namespace: str) -> str:
    """How we name a topic: without the configured namespace."""
    return full.removeprefix(f"persistent://{namespace}/")


def without_partitions(found: list[str], partitioned: list[str]) -> list[str]:
    """Topics as one names them: a partitioned one once."""
    known = set(partitioned)
    plain = [name for name in found if not ((parts := _PARTITION.fullmatch(name)) and parts[1] in known)]
    return sorted(known.union(plain))
