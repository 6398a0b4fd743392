"""Events of our own: `forestall.<noun>.<past participle>`."""

from collections.abc import Mapping
from typing import Any

from contracts.base import stable_id
from contracts.event import DEFAULT_TENANT, Event

OWN_SOURCE = "/forestall"


def own_event(
    kind: str,
    data: Mapping[str, Any],
    *,
    about: tuple[object, ...],
    time: int,
    incident: str | None = None,
    cause: str | None = None,
    tenant: str = DEFAULT_TENANT,
) -> Event:
    """`forestall.<kind>`. Its id depends on the kind and on what it is `about`: writing it again adds nothing."""
    return announcement(
        f"forestall.{kind}", data, about=about, time=time, incident=incident, cause=cause, tenant=tenant
    )


def announcement(
    type: str,
    data: Mapping[str, Any],
    *,
    about: tuple[object, ...],
    time: int,
    incident: str | None = None,
    cause: str | None = None,
    tenant: str = DEFAULT_TENANT,
) -> Event:
    """An event that we publish under a type of the user's, such as `retail.reroute.completed`."""
    return Event(
        id=stable_id("ev", type, *about),
        source=OWN_SOURCE,
        type=type,
        time=time,
        data=dict(data),
        key=incident,
        tenant=tenant,
        causation_id=cause,
        correlation_id=incident,
    )
