"""docs/your-own-pack.md, run from its first command to its last, in an empty folder.

FORESTALL_UPDATE_PAGE=1 writes what the commands print into the page.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "your-own-pack.md"
TOPIC = "shop.payments"
LINES_MAX = 40
pytestmark = pytest.mark.acceptance


@dataclass(frozen=True)
class Block:
    """A fenced block: its language and its text."""

    kind: str
    text: str


def _blocks() -> Iterator[Block]:
    for found in re.finditer(r"^```(\w+)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
        yield Block(found[1], found[2])


class Reader:
    """Does what a reader of the page would do. `rename` puts another topic in the place of the page's."""

    def __init__(self, folder: Path, environment: dict[str, str], rename: Callable[[str], str] = str) -> None:
        self.folder, self.rename = folder, rename
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("FORESTALL_", "COLUMNS"))}
        self.environment = {**kept, "PATH": path, **environment}

    def follow(self, block: Block) -> tuple[str, str]:
        """What the page says, and what happened."""
        if block.kind == "bash":
            assert self._run(block.text) == ""
        elif block.kind in ("yaml", "python"):
            file = self.folder / block.text.partition("\n")[0].removeprefix("# ")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(self.rename(block.text))
        elif block.kind == "console":
            commands = [line for line in block.text.splitlines() if line.startswith("$ ")]
            told = "".join(f"{line}\n{self._run(line.removeprefix('$ '))}" for line in commands)
            return block.text, told
        return "", ""

    def _run(self, command: str) -> str:
        done = subprocess.run(
            ["bash", "-ec", self.rename(command)],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def _settled(text: str) -> str:
    """Without what differs from run to run: how long it took."""
    text = re.sub(r"It took [\d.]+ s(, [\d,]+ rows a second)?\.", "It took … s.", text)
    return re.sub(r"Played in [\d.]+ s( \([\d,]+ events/s\))?\.", "Played in … s.", text)


def _anywhere(text: str) -> list[str]:
    """The words, wherever the lines break: another topic is longer, and has another digest."""
    return re.sub(r"digest [0-9a-f]+…", "digest …", _settled(text)).split()


def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    reader, fresh = Reader(tmp_path, {}), PAGE.read_text(encoding="utf-8")
    differs = []
    for block in _blocks():
        said, happened = reader.follow(block)
        fresh = (
            fresh.replace(f"```{block.kind}\n{said}```", f"```{block.kind}\n{_settled(happened)}```") if said else fresh
        )
        if _settled(said) != _settled(happened):
            differs.append(f"the page says:\n{said}\nit printed:\n{happened}")
    if os.environ.get("FORESTALL_UPDATE_PAGE"):
        PAGE.write_text(fresh, encoding="utf-8")
    assert not differs, "\n".join(differs)


def test_the_packs_of_the_page_are_short() -> None:
    [pack] = [block.text for block in _blocks() if block.kind == "yaml" and "pack.yaml" in block.text.splitlines()[0]]
    [added] = [block.text for block in _blocks() if block.kind == "bash" and "pack.yaml <<" in block.text]
    assert len(pack.splitlines()) - 1 <= LINES_MAX
    assert len((pack + added).splitlines()) - 3 <= LINES_MAX


@pytest.mark.needs("pulsar")
def test_the_page_holds_on_pulsar(tmp_path: Path, pulsar_url: str, pulsar_web_url: str) -> None:
    topic = f"page-{tmp_path.name[-8:].strip('-_')}-{os.getpid()}.payments"

    def rename(text: str) -> str:
        return text.replace(TOPIC, topic)

    broker = {"FORESTALL_PULSAR_URL": pulsar_url, "FORESTALL_PULSAR_WEB_URL": pulsar_web_url}
    reader = Reader(tmp_path, broker, rename)
    for block in _blocks():
        said, happened = reader.follow(block)
        happened = happened.replace(f"Pulsar at {pulsar_url}", "the embedded broker of .forestall")
        assert _anywhere(said) == _anywhere(happened.replace(topic, TOPIC))
