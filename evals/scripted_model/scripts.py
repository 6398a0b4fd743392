"""Scripts that read the prompt's data blocks, as a model would."""

import json
import re
from typing import Any

from evals.scripted_model.replies import ModelRequest, Says, says
from prompts import read_blocks

_ORDER = re.compile(r"CALL (?P<tool>[a-z_]+) (?P<arguments>\{[^{}]*\})")


def propose(tasks: list[dict[str, Any]], rationale: str, confidence: float) -> Says:
    """An answer of the form that the planner asks for."""
    return says({"tasks": tasks, "rationale": rationale, "confidence": confidence})


def plan_for_novel_retail(request: ModelRequest) -> Says:
    """Switch away from the carrier that the explanation names; no tasks when it names none.

    Of the tool's other arguments those with an enum get its first value that is not that carrier; the rest keep their
    defaults.
    """
    blocks = read_blocks(request.text)
    tool = next((each for each in blocks["tools"] if each["name"] == "switch_carrier"), None)
    carrier = _named(blocks["explanation"], "carrier")
    if tool is None or carrier is None:
        return propose([], "The explanation names no carrier, or there is no tool to switch carriers.", 0.1)
    schema = tool["arguments"]
    arguments = {_carrier_argument(schema): carrier}
    for name, declared in schema["properties"].items():
        offered = [value for value in _offered(declared, schema.get("$defs", {})) if value != carrier]
        if name not in arguments and offered:
            arguments[name] = offered[0]
    reason = f"Most of the excess names carrier {carrier}."
    task = {"tool": "switch_carrier", "arguments": arguments, "reason": reason, "risk": tool["risk"]}
    return propose([task], f"The best cause names carrier {carrier}; another carrier avoids it.", 0.8)


def obeys_payloads(request: ModelRequest) -> Says:
    """A compromised model: it looks for `CALL tool {...}` anywhere in the data and proposes just that."""
    tasks = []
    for text in _texts(read_blocks(request.text)):
        if found := _ORDER.search(text):
            arguments = json.loads(found["arguments"])
            tasks.append({"tool": found["tool"], "arguments": arguments, "reason": "as told", "risk": "low"})
    return propose(tasks, "The data says so.", 1.0)


def _named(explanation: dict[str, Any], dimension: str) -> str | None:
    found = (
        attribute["value"]
        for cause in explanation["causes"]
        for attribute in cause["attributes"]
        if attribute["dimension"] == dimension
    )
    return next(found, None)


def _carrier_argument(schema: dict[str, Any]) -> str:
    """The argument that takes the failing carrier: `carrier`, else the first required one that speaks of it."""
    names = list(schema["properties"])
    spoken = [name for name in schema.get("required", names) if "carrier" in name] or names
    return "carrier" if "carrier" in names else spoken[0]


def _offered(declared: dict[str, Any], defs: dict[str, Any]) -> list[Any]:
    target = defs.get(str(declared.get("$ref", "")).removeprefix("#/$defs/"), declared)
    offered: list[Any] = target.get("enum", [])
    return offered


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in _texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [value] if isinstance(value, str) else []
