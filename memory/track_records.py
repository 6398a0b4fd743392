"""How often each template worked, for each tenant."""

from bisect import bisect_right, insort
from dataclasses import dataclass, field

from contracts import Episode, TrackRecord


@dataclass(slots=True)
class _Credits:
    """The instants at which a success or a failure became known, ascending."""

    successes: list[int] = field(default_factory=list)
    failures: list[int] = field(default_factory=list)


class TrackRecords:
    """Counts credits by (tenant, pack, template). The order of the episodes does not matter."""

    def __init__(self) -> None:
        self._credits: dict[tuple[str, str, str], _Credits] = {}

    def count(self, episode: Episode) -> None:
        """Count it once: the caller sees to it that an episode comes once. No template or no credit counts nothing."""
        if episode.template is None or episode.credit == "none":
            return
        credits = self._credits.setdefault((episode.tenant, episode.situation.pack, episode.template), _Credits())
        insort(credits.successes if episode.credit == "success" else credits.failures, episode.closed_at)

    def of(self, tenant: str, pack: str, template: str, as_of: int | None = None) -> TrackRecord:
        """The record over the episodes that had closed at `as_of` (microseconds), or over all."""
        credits = self._credits.get((tenant, pack, template), _Credits())
        return TrackRecord(
            template=template,
            successes=_known(credits.successes, as_of),
            failures=_known(credits.failures, as_of),
        )


def _known(instants: list[int], as_of: int | None) -> int:
    return len(instants) if as_of is None else bisect_right(instants, as_of)
