"""What went wrong with a model endpoint, told without its words: error messages of a provider may quote the API key."""

from dataclasses import dataclass
from math import isfinite

_PASSING_STATUS = (408, 409, 429)
_CONNECTION = frozenset({"APIConnectionError", "TransportError", "ConnectionError"})


@dataclass(frozen=True, slots=True)
class Fault:
    """Why no answer came. `passing`: the same call may succeed later; `retry_after` is in seconds, if told."""

    reason: str
    passing: bool = False
    retry_after: float | None = None


def fault_of(error: Exception) -> Fault:
    """Judge a client's error by its status, its type and its headers.

    By name and attribute, not by class: the client library is loaded only where a model is configured.
    """
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        passing = status in _PASSING_STATUS or status >= 500
        return Fault(f"the model endpoint answered with status {status}", passing, _retry_after(error))
    names = {kind.__name__ for kind in type(error).__mro__}
    if isinstance(error, TimeoutError) or "APITimeoutError" in names:
        return Fault("the model endpoint did not answer in time", passing=True)
    if names & _CONNECTION:
        return Fault("the connection to the model endpoint failed", passing=True)
    return Fault(f"the model endpoint's answer could not be read ({type(error).__name__})")


def _retry_after(error: Exception) -> float | None:
    headers = getattr(getattr(error, "response", None), "headers", {})
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return max(seconds, 0.0) if isfinite(seconds) else None
