"""Procedural memory: what can be done, and how well it went before."""

from contracts import Episode, Runbook, Situation, TrackRecord
from memory.applicability import applicability
from memory.embedding import Vector
from memory.errors import ContentConflict
from memory.index import Hit, Scope, VectorIndex
from memory.recollection import RunbookMatch
from memory.track_records import TrackRecords


class Procedures:
    """The runbooks of each pack with their track records. Records are a tenant's own, runbooks are the pack's."""

    def __init__(self, index: VectorIndex) -> None:
        self._index = index
        self._runbooks: dict[tuple[str, str], Runbook] = {}
        self._records = TrackRecords()

    def knows(self, pack: str, runbook: Runbook) -> bool:
        """Raises ContentConflict: the pack has another runbook under this template, whose record it would inherit."""
        known = self._runbooks.get((pack, runbook.template))
        if known is not None and known != runbook:
            raise ContentConflict(
                f"runbook: {runbook.template!r} of pack {pack!r} changed but kept its version; raise `version`,"
                " since a track record and approvals hold for one text only"
            )
        return known is not None

    def add(self, pack: str, runbook: Runbook, vector: Vector) -> None:
        self._index.upsert(Scope(pack), runbook.template, vector)
        self._runbooks[pack, runbook.template] = runbook

    def credit(self, episode: Episode) -> None:
        self._records.count(episode)

    def record(self, tenant: str, pack: str, template: str, as_of: int | None = None) -> TrackRecord:
        return self._records.of(tenant, pack, template, as_of)

    def match(self, situation: Situation, vector: Vector, tenant: str, as_of: int | None) -> list[RunbookMatch]:
        """Every runbook of the pack: the applicable first, then by score, then by template."""
        hits = self._index.search(Scope(situation.pack), vector, max(1, len(self._runbooks)))
        matches = [self._match(hit, situation, tenant, as_of) for hit in hits]
        return sorted(matches, key=lambda match: (not match.applicable, -match.score, match.template))

    def _match(self, hit: Hit, situation: Situation, tenant: str, as_of: int | None) -> RunbookMatch:
        runbook = self._runbooks[situation.pack, hit.id]
        fit = applicability(runbook, situation)
        record = self.record(tenant, situation.pack, hit.id, as_of)
        return RunbookMatch(
            template=hit.id,
            title=runbook.title,
            similarity=hit.similarity,
            applicable=fit.applicable,
            why=(*fit.why, _evidence(record)),
            record=record,
            score=round(max(hit.similarity, 0.0) * record.rate, 6),
        )


def _evidence(record: TrackRecord) -> str:
    trials = record.successes + record.failures
    return f"track record: worked {record.successes} of {trials} times" if trials else "track record: never tried"
