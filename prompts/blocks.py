"""Data blocks: how values enter a prompt as data, bounded in length and unable to end their block."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from prompts.errors import PromptTooLarge

_BLOCK = re.compile(r'^<data name="([a-z_]+)">\n(.*?)\n</data>$', re.MULTILINE | re.DOTALL)
_MAX_DEPTH = 16


@dataclass(frozen=True, slots=True)
class BlockLimits:
    """Bounds of one block: characters of one text, items of one list or object, characters of the whole block."""

    max_text_chars: int = 4_000
    max_items: int = 128
    max_block_chars: int = 24_000


def data_block(name: str, value: Any, limits: BlockLimits | None = None) -> str:
    """`value` as canonical JSON between `<data name="...">` and `</data>`, each on a line of its own.

    Angle brackets and invisible characters (control, format, unassigned) are escaped, so that no text can end the
    block or hide in it. Longer texts and lists are cut and say so; when the whole is still too long, both bounds are
    halved until it fits.

    Raises:
        PromptTooLarge: it does not fit even then.
    """
    bounds = limits or BlockLimits()
    texts, items = bounds.max_text_chars, bounds.max_items
    while texts and items:
        body = _to_json(_shortened(value, texts, items, _MAX_DEPTH))
        if len(body) <= bounds.max_block_chars:
            return f'<data name="{name}">\n{body}\n</data>'
        texts, items = texts // 2, items // 2
    raise PromptTooLarge(f"{name}: more than {bounds.max_block_chars} characters even when shortened; give it less")


def read_blocks(text: str) -> dict[str, Any]:
    """The values of the data blocks in a rendered prompt, by name."""
    return {name: json.loads(body) for name, body in _BLOCK.findall(text)}


def _to_json(value: Any) -> str:
    plain = json.dumps(value, ensure_ascii=False, sort_keys=True, allow_nan=False, separators=(",", ":"))
    return re.sub(r"[<>]|[^ -~]", _escaped, plain)


def _escaped(found: re.Match[str]) -> str:
    character = found[0]
    if character in "<>":
        return f"\\u{ord(character):04x}"
    return character if character.isprintable() else json.dumps(character)[1:-1]


def _shortened(value: Any, texts: int, items: int, depth: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= texts else f"{value[:texts]}... ({len(value) - texts} characters cut)"
    if isinstance(value, Mapping | list | tuple) and depth == 0:
        return "... (cut: nested too deeply)"
    if isinstance(value, Mapping):
        kept = {
            _shortened(str(key), texts, items, 0): _shortened(item, texts, items, depth - 1)
            for key, item in list(value.items())[:items]
        }
        return kept | ({"...": f"{len(value) - items} more cut"} if len(value) > items else {})
    if isinstance(value, list | tuple):
        kept_items = [_shortened(item, texts, items, depth - 1) for item in value[:items]]
        return kept_items + ([f"... ({len(value) - items} more cut)"] if len(value) > items else [])
    return value
