"""Every recall: runbooks with their track records, earlier episodes, and notes, by situation."""

from memory.applicability import needed_dimensions
from memory.embedding import EMBEDDERS, Embedder, choose_embedder
from memory.errors import ContentConflict, InstallExtra, MemoryFault, UntrustedModel
from memory.hashing import HashingEmbedder
from memory.index import ExactIndex, Hit, Scope, VectorIndex
from memory.recall import Memory
from memory.recollection import EpisodeMatch, NoteMatch, Recollection, RunbookMatch
from memory.semantic import Note, split_markdown

__all__ = [
    "EMBEDDERS",
    "ContentConflict",
    "Embedder",
    "EpisodeMatch",
    "ExactIndex",
    "HashingEmbedder",
    "Hit",
    "InstallExtra",
    "Memory",
    "MemoryFault",
    "Note",
    "NoteMatch",
    "Recollection",
    "RunbookMatch",
    "Scope",
    "UntrustedModel",
    "VectorIndex",
    "choose_embedder",
    "needed_dimensions",
    "split_markdown",
]
