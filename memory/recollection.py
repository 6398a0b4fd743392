"""What recall answers. Recollections enter decision digests: the same memory and situation give the same bytes."""

from contracts import Contract, Credit, IncidentStatus, TrackRecord


class RunbookMatch(Contract):
    """A runbook beside the situation. `score` is `similarity` (not below 0) times the record's rate; `why` says what
    speaks for and against it, in words."""

    template: str
    title: str
    similarity: float
    applicable: bool
    why: tuple[str, ...]
    record: TrackRecord
    score: float


class EpisodeMatch(Contract):
    """An earlier incident of the same tenant and pack, and how it ended."""

    episode_id: str
    similarity: float
    status: IncidentStatus
    template: str | None
    credit: Credit


class NoteMatch(Contract):
    note_id: str
    title: str
    similarity: float
    text: str


class Recollection(Contract):
    """The best of each kind, best first, and the embedder that compared them.

    Applicable runbooks come before the others. `novel`: no runbook of the pack is applicable.
    """

    embedder: str
    runbooks: tuple[RunbookMatch, ...] = ()
    episodes: tuple[EpisodeMatch, ...] = ()
    notes: tuple[NoteMatch, ...] = ()
    novel: bool
