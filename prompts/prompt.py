"""A prompt: versioned words with named places for data."""

import hashlib
import re
from dataclasses import dataclass
from typing import Any

import yaml

from contracts import Contract
from prompts.blocks import BlockLimits, data_block
from prompts.errors import PromptError, WrongVariables

_PLACE = re.compile(r"\{\{ ([a-z_]+) \}\}")
_FILE = re.compile(
    r"---\n(?P<front>.*?)\n---\n\s*<!-- system -->\n(?P<system>.*?)\n<!-- user -->\n(?P<user>.*)", re.DOTALL
)


class _FrontMatter(Contract):
    name: str
    version: int
    variables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Words:
    """What is said to a model: the standing instructions, and the message with the data."""

    system: str
    user: str

    @property
    def digest(self) -> str:
        """SHA-256 of both, as 64 hex digits."""
        return hashlib.sha256(f"{self.system}\0{self.user}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Prompt:
    """One version of a prompt; `text` is the whole file, `digest` its SHA-256."""

    name: str
    version: int
    variables: tuple[str, ...]
    text: str
    digest: str
    system: str
    user: str

    @property
    def label(self) -> str:
        """`name@version`."""
        return f"{self.name}@{self.version}"

    def render(self, limits: BlockLimits | None = None, /, **variables: Any) -> Words:
        """The words with every `{{ variable }}` replaced by a data block of its value (JSON primitives).

        There is no way to put a value in except as data.

        Raises:
            WrongVariables: a declared variable is missing, or an undeclared one was given.
            PromptTooLarge: see `data_block`.
        """
        missing, unknown = set(self.variables) - set(variables), set(variables) - set(self.variables)
        if missing or unknown:
            problem = f"missing {sorted(missing)}, unknown {sorted(unknown)}"
            raise WrongVariables(f"{self.label}: {problem}; the prompt declares {sorted(self.variables)}")
        blocks = {name: data_block(name, value, limits) for name, value in variables.items()}
        return Words(self.system, _PLACE.sub(lambda found: blocks[found[1]], self.user))


def parse_prompt(text: str) -> Prompt:
    """A prompt from the text of its file.

    Raises:
        PromptError: front matter, system or user part are missing, or the variables declared are not those used.
    """
    found = _FILE.fullmatch(text)
    if found is None:
        raise PromptError("a prompt file is front matter between --- lines, then <!-- system -->, then <!-- user -->")
    front = _FrontMatter.model_validate(yaml.safe_load(found["front"]))
    used = set(_PLACE.findall(found["user"]))
    if used != set(front.variables) or _PLACE.search(found["system"]):
        rule = "`variables` must be those of the user part; the system part has none"
        raise PromptError(
            f"{front.name}@{front.version}: variables: {sorted(front.variables)}, used {sorted(used)}; {rule}"
        )
    return Prompt(
        name=front.name,
        version=front.version,
        variables=front.variables,
        text=text,
        digest=hashlib.sha256(text.encode()).hexdigest(),
        system=found["system"].strip(),
        user=found["user"].strip(),
    )
