"""How a backtest's findings are said, in the terminal and on the page."""

from collections.abc import Mapping
from datetime import UTC, datetime

from contracts import SECOND
from forestall.backtest.result import Backtest, Incident, Told, WouldDo
from forestall.trace import at_stake, duration, unprefixed
from forestall.trace import noticed as noticed_as

HOW: Mapping[str, str] = {
    "opened": "opened an incident",
    "joined": "joined it",
    "suppressed": "echo of one that had just ended",
    "noted": "noted only",
}
MAY: Mapping[str, str] = {"alone": "may act alone", "approve": "asks a person", "never": "never"}


def stamp(micros: int) -> str:
    """`Tue 14 Dec 2010 10:00`, UTC."""
    instant = datetime.fromtimestamp(micros // SECOND, UTC)
    return f"{instant:%a} {instant.day} {instant:%b %Y %H:%M}"


def date(micros: int) -> str:
    """`14 Dec 2010`, UTC."""
    instant = datetime.fromtimestamp(micros // SECOND, UTC)
    return f"{instant.day} {instant:%b %Y}"


def span_of(result: Backtest) -> str:
    """From when to when, and how long."""
    return f"{date(result.begin)} to {date(result.end)}, {duration(max(result.end - result.begin, SECOND))}"


def noticed(incident: Incident) -> str:
    """`spike of cancellations: 5 where 0.111 were expected within 15 min`, with the key where there is one."""
    return noticed_as(incident.signal.to_json())


def noticed_too(each: Told) -> str:
    """The same of a signal that opened no incident."""
    return noticed_as(each.signal.to_json())


def explained(incident: Incident) -> str:
    """Why, in a line; `broad` and the like stand in front where no cause is named."""
    found = incident.explained
    text = unprefixed(found.text, found.verdict)
    word = {"broad": "broad: ", "none": "not explained: "}.get(found.kind, "")
    return word + text


def would_do(found: WouldDo | None) -> tuple[str, str]:
    """A headline and its reason."""
    if found is None:
        return "do nothing", "it was over before it was explained"
    if found.ruling == "person":
        return "hand it to a person", "; ".join(found.reasons)
    head = {
        "alone": f"act alone by {found.template}",
        "approve": f"ask a person to approve {found.template}",
        "never": f"hand {found.template} to a person",
    }[found.ruling]
    stake = at_stake(found.value_at_stake or 0, found.currency)
    stake = f", {stake}" if stake else ""
    return head + stake, "; ".join(found.reasons)


def ended(incident: Incident) -> str:
    """How it ended, and after how long."""
    if incident.recovered_at is not None:
        return f"back to normal {stamp(incident.recovered_at)}, {_after(incident.recovered_at - incident.opened_at)}"
    if incident.closed_at is not None:
        return f"{incident.status} {stamp(incident.closed_at)}: {incident.reason}"
    return "not back to normal by the end of the history"


def _after(micros: int) -> str:
    return f"after {duration(micros)}" if micros > 0 else "at once"


def told(each: Told) -> str:
    """What became of a signal."""
    return HOW.get(each.how, each.how)


def rate(result: Backtest) -> str:
    """Incidents a week."""
    return "too short for a rate" if result.per_week is None else f"{result.per_week:.1f} a week"
