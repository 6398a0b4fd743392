"""A plan as the commented YAML of a pack."""

import json
import re
from collections.abc import Iterable

from contracts import format_duration
from forestall.newpack.plan import FieldPlan, MeasurePlan, Plan, Test, TimePlan

WIDTH = 118
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*( [A-Za-z0-9_./-]+)*")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


def scalar(text: str) -> str:
    """As YAML: plain where nobody can read it as anything but this text."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return "".join(each if each.isprintable() else _escaped(each) for each in json.dumps(text, ensure_ascii=False))


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def comment(text: str) -> str:
    """A text as it may stand behind a #: on one line."""
    return "".join(each if each.isprintable() else "?" for each in text)


def pack_yaml(plan: Plan) -> str:
    """The whole file."""
    lines = [f"# {comment(each)}" for each in plan.heading]
    lines += [
        f"pack: {plan.pack}",
        f"title: {scalar(plan.title)}",
        "mode: observe",
        "",
        "streams:",
        _with(f"  - topic: {scalar(plan.topic)}", "yours: a file names none" if plan.of_file else ""),
        *(_cloudevents(plan) if plan.cloudevents else _mapping(plan)),
        "",
        "measures:",
        *(line for measure in plan.measures for line in _measure(measure, plan)),
        "",
        "detectors:",
        *(line for measure in plan.measures for line in _detectors(measure)),
    ]
    return "\n".join(lines) + "\n"


def _cloudevents(plan: Plan) -> list[str]:
    types = [f"      - type: {scalar(name)}" for name in plan.type.names]
    return ["    types:  # the messages are CloudEvents: no mapping is needed", *types, "    others: ignore"]


def _mapping(plan: Plan) -> list[str]:
    lines = [*(["    format: avro  # by the topic's schema"] if plan.avro else []), "    mapping:"]
    if plan.type.column is None:
        lines.append(f"      type: {plan.type.default}")
    else:
        lines += ["      type:", "        cases:"]
        for value, name in plan.type.cases:
            when = f"{{field: {scalar(plan.type.column)}, equals: {scalar(value)}}}"
            lines.append(f"          - {{when: {when}, type: {name}}}")
        lines.append(f"        default: {plan.type.default}")
    if plan.id is not None:
        lines.append(_with(f"      id: {scalar(f'{{{plan.id}}}')}", plan.id_comment))
    else:
        lines += _above("      ", f"id: {plan.id_comment}" if plan.id_comment else "")
    lines.append(_with(f"      time: {_time(plan.time)}", plan.time.comment))
    if plan.key is not None:
        lines.append(f"      key: {scalar(plan.key)}")
    return [*lines, "      fields:", *(_field(each) for each in plan.fields)]


def _time(time: TimePlan) -> str:
    if time.column is None:
        return "{publish: true}"
    if time.form == "iso" and time.zone is None:
        return scalar(time.column)
    parts = [f"column: {scalar(time.column)}"]
    parts += [f"format: {scalar(time.form)}"] if time.form != "iso" else []
    parts += [f"zone: {scalar(time.zone)}"] if time.zone is not None else []
    return "{" + ", ".join(parts) + "}"


def _field(field: FieldPlan) -> str:
    if field.type == "string" and not field.missing:
        return f"        {field.name}: {scalar(field.path)}"
    parts = [f"from: {scalar(field.path)}"]
    parts += [f"type: {field.type}"] if field.type != "string" else []
    parts += ["optional: true"] if field.missing else []
    why = f"missing in {_percent(field.missing)}" if field.missing else ""
    return _with(f"        {field.name}: {{{', '.join(parts)}}}", why)


def _percent(share: float) -> str:
    return "less than 1 %" if share < 0.01 else f"{share:.0%}".replace("%", " %")


def _measure(measure: MeasurePlan, plan: Plan) -> list[str]:
    lines = [
        *_above("  ", measure.why),
        f"  - name: {measure.name}",
        f"    title: {scalar(measure.title)}",
        f"    of: [{', '.join(scalar(each) for each in measure.of)}]",
    ]
    if measure.where:
        tests = ", ".join(_where(field, test) for field, test in measure.where)
        lines.append(f"    where: [{tests}]")
    other = "or sum, min, max, last" if measure.aggregate == "mean" else ""
    lines.append(_with(f"    aggregate: {measure.aggregate}", other))
    for name, value in (("unit", measure.unit), ("field", measure.field), ("key", measure.key)):
        lines += [f"    {name}: {scalar(value)}"] if value is not None else []
    lines.append(_with(f"    pane: {format_duration(measure.pane)}", measure.pane_why))
    if plan.lateness:
        lines.append(_with(f"    lateness: {format_duration(plan.lateness)}", plan.lateness_comment))
    if measure.dimensions:
        lines += _above("    ", plan.dimensions_comment)
        lines.append(f"    dimensions: [{', '.join(measure.dimensions)}]")
    return lines


def _where(field: str, test: Test) -> str:
    kind, value = test
    shown = scalar(value) if isinstance(value, str) else f"[{', '.join(scalar(each) for each in value)}]"
    return f"{{field: {field}, {kind}: {shown}}}"


def _detectors(measure: MeasurePlan) -> Iterable[str]:
    for kind, direction in measure.detectors:
        name = f"{measure.name[:50]}_{kind}"
        way = "" if direction == "both" else f", direction: {direction}"
        yield f"  - {{name: {name}, measure: {measure.name}, kind: {kind}{way}}}"


def _with(line: str, why: str) -> str:
    """The comment behind the line, or nothing where there is none to make."""
    return f"{line}  # {comment(why)}" if why else line


def _above(indent: str, text: str) -> list[str]:
    """A comment on lines of its own, wrapped."""
    lines, line = [], ""
    for word in comment(text).split():
        if line and len(indent) + 2 + len(line) + 1 + len(word) > WIDTH:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [f"{indent}# {each}" for each in [*lines, line] if each]
