"""Semantic memory: what a pack knows about its domain."""

import re
import textwrap
from collections.abc import Iterator

from contracts import Contract
from memory.embedding import Vector
from memory.index import Scope, VectorIndex
from memory.recollection import NoteMatch

NOTE_MAX_CHARACTERS = 1_200
_HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$")


class Note(Contract):
    """A piece of a pack's `knowledge/*.md`."""

    id: str
    title: str
    text: str


def split_markdown(source: str, markdown: str) -> tuple[Note, ...]:
    """A note for each heading's section, cut into pieces of at most 1,200 characters, between paragraphs where it can.

    `source` begins the ids, and is the title of what stands above the first heading.
    """
    notes: list[Note] = []
    for title, body in _sections(source, markdown):
        for piece in _pieces(body):
            notes.append(Note(id=f"{source}#{len(notes) + 1}", title=title, text=piece))
    return tuple(notes)


def _sections(source: str, markdown: str) -> list[tuple[str, str]]:
    sections: list[tuple[str, list[str]]] = [(source, [])]
    fenced = False
    for line in markdown.splitlines():
        fenced ^= line.lstrip().startswith("```")
        heading = None if fenced else _HEADING.match(line)
        if heading:
            sections.append((heading[1], []))
        else:
            sections[-1][1].append(line)
    return [(title, "\n".join(lines)) for title, lines in sections]


def _paragraphs(body: str) -> Iterator[str]:
    for paragraph in filter(None, (part.strip() for part in re.split(r"\n\s*\n", body))):
        if len(paragraph) <= NOTE_MAX_CHARACTERS:
            yield paragraph
        else:
            yield from textwrap.wrap(paragraph, NOTE_MAX_CHARACTERS)


def _pieces(body: str) -> list[str]:
    pieces: list[str] = []
    for paragraph in _paragraphs(body):
        if pieces and len(pieces[-1]) + len(paragraph) + 2 <= NOTE_MAX_CHARACTERS:
            pieces[-1] += "\n\n" + paragraph
        else:
            pieces.append(paragraph)
    return pieces


class Notes:
    """The notes of each pack. Adding a note under a known id replaces it: knowledge carries no track record."""

    def __init__(self, index: VectorIndex) -> None:
        self._index = index
        self._notes: dict[tuple[str, str], Note] = {}

    def add(self, pack: str, note: Note, vector: Vector) -> None:
        self._index.upsert(Scope(pack), note.id, vector)
        self._notes[pack, note.id] = note

    def match(self, pack: str, vector: Vector, k: int) -> list[NoteMatch]:
        """The `k` most similar, those first; equals in the order of their ids."""
        return [
            NoteMatch(note_id=note.id, title=note.title, similarity=hit.similarity, text=note.text)
            for hit in self._index.search(Scope(pack), vector, k)
            for note in (self._notes[pack, hit.id],)
        ]
