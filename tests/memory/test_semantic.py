"""Notes from Markdown."""

from hypothesis import given
from hypothesis import strategies as st

from memory import split_markdown
from memory.semantic import NOTE_MAX_CHARACTERS


def test_sections_become_notes_in_order() -> None:
    markdown = "Before.\n\n# Carriers\nHermes is slow.\n\n## Peaks ##\n\nDecember.\n# Empty\n"
    notes = split_markdown("retail.md", markdown)
    assert [(note.id, note.title, note.text) for note in notes] == [
        ("retail.md#1", "retail.md", "Before."),
        ("retail.md#2", "Carriers", "Hermes is slow."),
        ("retail.md#3", "Peaks", "December."),
    ]


def test_comment_in_a_fenced_block_is_no_heading() -> None:
    [note] = split_markdown("a.md", "# Shell\n```\n# list\nls\n```\nDone.")
    assert note.title == "Shell"
    assert "# list" in note.text


def test_paragraphs_stay_together_up_to_the_limit() -> None:
    half = "w" * (NOTE_MAX_CHARACTERS // 2 - 1)
    notes = split_markdown("a.md", "\n\n".join([half, half, half]))
    assert [note.text for note in notes] == [f"{half}\n\n{half}", half]


@given(st.lists(st.text("ab #\n`", max_size=3_000), max_size=5))
def test_no_note_is_empty_or_too_long_and_ids_differ(parts: list[str]) -> None:
    notes = split_markdown("a.md", "\n".join(parts))
    assert all(0 < len(note.text) <= NOTE_MAX_CHARACTERS for note in notes)
    assert len({note.id for note in notes}) == len(notes)
