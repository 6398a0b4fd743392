"""Episodic memory: what happened before."""

from contracts import Episode
from memory.embedding import Vector
from memory.errors import ContentConflict
from memory.index import Scope, VectorIndex
from memory.recollection import EpisodeMatch


class Episodes:
    """The closed incidents, by id. A tenant sees its own only."""

    def __init__(self, index: VectorIndex) -> None:
        self._index = index
        self._episodes: dict[str, Episode] = {}

    def __len__(self) -> int:
        return len(self._episodes)

    def knows(self, episode: Episode) -> bool:
        """Raises ContentConflict: another episode has this id."""
        known = self._episodes.get(episode.id)
        if known is not None and known != episode:
            raise ContentConflict(f"episode: id {episode.id!r} is known with other content; an episode never changes")
        return known is not None

    def add(self, episode: Episode, vector: Vector) -> None:
        """From `closed_at` on it can be found."""
        self._index.upsert(_scope(episode.tenant, episode.situation.pack), episode.id, vector, episode.closed_at)
        self._episodes[episode.id] = episode

    def get(self, tenant: str, id: str) -> Episode | None:
        """None also when the episode is another tenant's."""
        episode = self._episodes.get(id)
        return episode if episode is not None and episode.tenant == tenant else None

    def match(self, pack: str, vector: Vector, tenant: str, k: int, as_of: int | None) -> list[EpisodeMatch]:
        """The `k` most similar, those first; equals in the order of their ids."""
        return [
            EpisodeMatch(
                episode_id=hit.id,
                similarity=hit.similarity,
                status=self._episodes[hit.id].status,
                template=self._episodes[hit.id].template,
                credit=self._episodes[hit.id].credit,
            )
            for hit in self._index.search(_scope(tenant, pack), vector, k, as_of)
        ]


def _scope(tenant: str, pack: str) -> Scope:
    if not tenant:
        raise ValueError("tenant: empty; an episode belongs to a tenant, and a search names one")
    return Scope(pack, tenant)
