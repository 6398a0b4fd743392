"""Loads a published version of a prompt, and publishes new ones.

A prompt lives in `<name>/v<version>.md`; `prompts.lock.json` holds the digest of every version that was published.
"""

import json
import re
from pathlib import Path

from prompts.errors import ChangedPrompt, PromptError, UnknownPrompt
from prompts.prompt import Prompt, parse_prompt

PROMPTS = Path(__file__).parent
_LOCK = "prompts.lock.json"


def load_prompt(name: str, version: int | None = None, *, root: Path = PROMPTS) -> Prompt:
    """A version of a prompt; without `version`, the highest one.

    Raises:
        UnknownPrompt: there is no such prompt or version.
        ChangedPrompt: the file is not the one that was published under this version.
    """
    versions = _versions(root, name)
    if not versions:
        raise UnknownPrompt(f"name: no prompt is called {name!r}")
    chosen = max(versions) if version is None else version
    if chosen not in versions:
        raise UnknownPrompt(f"version: {name} has no version {chosen}; known: {sorted(versions)}")
    prompt = _read(name, chosen, versions[chosen])
    published = _read_lock(root).get(prompt.label)
    if published != prompt.digest:
        problem = "was never published" if published is None else "was changed after it was published"
        rule = "restore it, write the next version, and run python -m prompts.publish"
        raise ChangedPrompt(f"{prompt.label}: {problem}; {rule}")
    return prompt


def publish_prompts(root: Path = PROMPTS) -> tuple[str, ...]:
    """Add every new version to the lock file; the labels that were added.

    Raises:
        ChangedPrompt: a published version has changed or is gone.
    """
    lock = _read_lock(root)
    names = {path.parent.name for path in root.glob("*/v*.md")}
    prompts = [_read(name, version, path) for name in sorted(names) for version, path in _versions(root, name).items()]
    found = {prompt.label: prompt.digest for prompt in prompts}
    for label, digest in lock.items():
        if found.get(label) != digest:
            raise ChangedPrompt(f"{label}: changed or gone since it was published; restore it and write a new version")
    (root / _LOCK).write_text(json.dumps(found, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return tuple(sorted(set(found) - set(lock)))


def _versions(root: Path, name: str) -> dict[int, Path]:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        return {}
    found = ((re.fullmatch(r"v([1-9][0-9]*)\.md", path.name), path) for path in sorted((root / name).glob("v*.md")))
    return {int(match[1]): path for match, path in found if match}


def _read(name: str, version: int, path: Path) -> Prompt:
    prompt = parse_prompt(path.read_text(encoding="utf-8"))
    if (prompt.name, prompt.version) != (name, version):
        raise PromptError(f"{name}/{path.name}: its front matter says {prompt.label}; name and version must agree")
    return prompt


def _read_lock(root: Path) -> dict[str, str]:
    path = root / _LOCK
    lock: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return lock
