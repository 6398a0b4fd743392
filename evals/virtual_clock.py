"""Virtual time: it stands still until somebody moves it, and never goes back."""


class VirtualClock:
    """A `Clock` in microseconds."""

    def __init__(self, now: int = 0) -> None:
        self._now = now

    def now(self) -> int:
        return self._now

    def move_to(self, instant: int) -> None:
        """Raises:
        ValueError: the instant lies in the past.
        """
        if instant < self._now:
            raise ValueError(f"virtual time: {instant} lies before {self._now}; it only goes forward")
        self._now = instant
