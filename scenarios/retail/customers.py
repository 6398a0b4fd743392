"""When customers cancel.

A proportional hazard, integrated over the ticks; a customer cancels when the integral passes a threshold that was
drawn once from the unit exponential distribution (inversion of the integrated hazard: Cox and Oakes 1984). So an action
that lowers the hazard can only postpone or avoid a cancellation of the same customer.
"""

from scenarios.retail.settings import TICKS_PER_DAY, TICKS_PER_HOUR

_LATE_PER_HOUR = 0.35
"""Hazard of a customer whose promise slips by `_FULL_SLIP` or more."""
_FULL_SLIP = 6 * TICKS_PER_HOUR
_TOLD_PER_HOUR = 0.012
"""Hazard of a customer who has once been told of a slip, while the parcel has not left."""
_MAIL_FACTOR = 0.5
"""What a mail with the new promise leaves of either."""
_DECLINED_PER_HOUR = 0.15
"""Hazard of a customer who is asked for another means of payment."""


def waking(tick: int) -> float:
    """How many customers look at their orders: all by day, a quarter from midnight to 7."""
    return 0.25 if (tick - 1) % TICKS_PER_DAY < 7 * TICKS_PER_HOUR else 1.0


def late_hazard(slip: float, slipped: bool, mailed: bool) -> float:
    """Hazard a tick, by day, of a customer whose parcel is projected to miss its promise by `slip` ticks."""
    hazard = _TOLD_PER_HOUR if slipped else 0.0
    if slip > 0:
        hazard += _LATE_PER_HOUR * min(1.0, slip / _FULL_SLIP)
    return hazard * (_MAIL_FACTOR if mailed else 1.0) / TICKS_PER_HOUR


def declined_hazard() -> float:
    """Hazard a tick, by day, of a customer whose means of payment is declined."""
    return _DECLINED_PER_HOUR / TICKS_PER_HOUR
