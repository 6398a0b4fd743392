"""All of memory behind one object."""

from collections.abc import Callable

from contracts import Episode, Runbook, Situation, TrackRecord
from memory.description import describe_runbook, describe_situation
from memory.embedding import Embedder
from memory.episodic import Episodes
from memory.index import ExactIndex, VectorIndex
from memory.procedural import Procedures
from memory.recollection import Recollection
from memory.semantic import Note, Notes


class Memory:
    """A projection of the journal's episodes, and of the packs' runbooks and notes.

    It stores nothing durably: feed it every episode again and it answers as before, whatever their order and however
    often each one came. `new_index` makes an index for vectors of so many dimensions; it is called once a kind.
    """

    def __init__(self, embedder: Embedder, new_index: Callable[[int], VectorIndex] = ExactIndex) -> None:
        self._embedder = embedder
        self._procedures = Procedures(new_index(embedder.dimensions))
        self._episodes = Episodes(new_index(embedder.dimensions))
        self._notes = Notes(new_index(embedder.dimensions))

    def learn(self, episode: Episode) -> bool:
        """Remember an episode and credit its template; False when it is known and nothing changed.

        Raises:
            ContentConflict: another episode has its id.
            ValueError: it names no tenant.
        """
        if self._episodes.knows(episode):
            return False
        self._episodes.add(episode, *self._embedder.embed([describe_situation(episode.situation)]))
        self._procedures.credit(episode)
        return True

    def add_runbook(self, pack: str, runbook: Runbook) -> bool:
        """Remember a runbook; False when it is known.

        Raises:
            ContentConflict: the pack has another runbook of the same name and version.
        """
        if self._procedures.knows(pack, runbook):
            return False
        self._procedures.add(pack, runbook, *self._embedder.embed([describe_runbook(runbook)]))
        return True

    def add_note(self, pack: str, note: Note) -> None:
        """Remember a note, or replace the one with its id."""
        self._notes.add(pack, note, *self._embedder.embed([f"{note.title}\n{note.text}"]))

    def recall(self, situation: Situation, *, tenant: str, k: int = 5, as_of: int | None = None) -> Recollection:
        """What fits the situation: at most `k` of each kind, of this tenant and the situation's pack.

        `as_of` (microseconds of event time) hides episodes that closed later, from the track records too. Give it
        where the answer must not depend on which incidents a worker happened to finish first.

        Raises:
            ValueError: `k` is below 1, or `tenant` is empty.
        """
        [vector] = self._embedder.embed([describe_situation(situation)])
        episodes = self._episodes.match(situation.pack, vector, tenant, k, as_of)
        runbooks = self._procedures.match(situation, vector, tenant, as_of)
        return Recollection(
            embedder=self._embedder.name,
            runbooks=tuple(runbooks[:k]),
            episodes=tuple(episodes),
            notes=tuple(self._notes.match(situation.pack, vector, k)),
            novel=not any(match.applicable for match in runbooks),
        )

    def track_record(self, template: str, *, tenant: str, pack: str, as_of: int | None = None) -> TrackRecord:
        """How often the template worked for this tenant; a template that was never credited has 0 of 0."""
        return self._procedures.record(tenant, pack, template, as_of)

    def episode(self, id: str, *, tenant: str) -> Episode | None:
        """The episode, if it is this tenant's."""
        return self._episodes.get(tenant, id)
