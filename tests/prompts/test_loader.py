import json
from pathlib import Path

import pytest

from prompts import ChangedPrompt, PromptError, UnknownPrompt, load_prompt, parse_prompt, publish_prompts

TEXT = """---
name: greet
version: {version}
variables: [person]
---
<!-- system -->
Be polite{more}.

<!-- user -->
Greet this person:
{{{{ person }}}}
"""


def write(root: Path, version: int, more: str = "") -> None:
    (root / "greet").mkdir(exist_ok=True)
    (root / "greet" / f"v{version}.md").write_text(TEXT.format(version=version, more=more), encoding="utf-8")


def test_the_highest_version_unless_told(tmp_path: Path) -> None:
    for version in (1, 2, 10):
        write(tmp_path, version)
    assert publish_prompts(tmp_path) == ("greet@1", "greet@10", "greet@2")
    assert load_prompt("greet", root=tmp_path).label == "greet@10"
    assert load_prompt("greet", 2, root=tmp_path).version == 2
    assert publish_prompts(tmp_path) == ()


def test_a_published_version_never_changes(tmp_path: Path) -> None:
    write(tmp_path, 1)
    with pytest.raises(ChangedPrompt, match="greet@1: was never published"):
        load_prompt("greet", root=tmp_path)
    publish_prompts(tmp_path)
    before = load_prompt("greet", root=tmp_path)
    write(tmp_path, 1, more=" and brief")
    with pytest.raises(ChangedPrompt, match="changed after it was published"):
        load_prompt("greet", root=tmp_path)
    with pytest.raises(ChangedPrompt, match="changed or gone"):
        publish_prompts(tmp_path)
    write(tmp_path, 1)
    assert load_prompt("greet", root=tmp_path) == before


def test_unknown_prompts_and_versions_are_named(tmp_path: Path) -> None:
    write(tmp_path, 1)
    publish_prompts(tmp_path)
    with pytest.raises(UnknownPrompt, match="no version 3; known: \\[1\\]"):
        load_prompt("greet", 3, root=tmp_path)
    for name in ("part", "../greet", ""):
        with pytest.raises(UnknownPrompt, match="no prompt is called"):
            load_prompt(name, root=tmp_path)


def test_a_file_must_say_who_it_is(tmp_path: Path) -> None:
    write(tmp_path, 1)
    (tmp_path / "greet" / "v2.md").write_text(TEXT.format(version=1, more=""), encoding="utf-8")
    with pytest.raises(PromptError, match="front matter says greet@1"):
        publish_prompts(tmp_path)
    with pytest.raises(PromptError, match="front matter between"):
        parse_prompt("Be polite.")
    with pytest.raises(PromptError, match="`variables` must be those of the user part"):
        parse_prompt(TEXT.format(version=1, more=" {{ person }}").replace("[person]", "[person, mood]"))


def test_every_prompt_of_ours_is_locked() -> None:
    root = Path(__file__).parents[2] / "prompts"
    lock = json.loads((root / "prompts.lock.json").read_text(encoding="utf-8"))
    files = {f"{path.parent.name}@{path.stem[1:]}" for path in root.glob("*/v*.md")}
    assert files == set(lock)
    for label, digest in lock.items():
        name, _, version = label.partition("@")
        assert load_prompt(name, int(version)).digest == digest
