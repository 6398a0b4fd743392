"""A story as a tree that a person reads from top to bottom."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from contracts import Decision, ModelUse
from forestall.trace.happenings import ENDINGS, tools_of, track, unprefixed
from forestall.trace.story import PHASES, CommandStory, Phase, Story
from forestall.trace.wording import at_stake, day_of, duration, figures, moment, money, short

Line = tuple[str, str]
"""A text and its style."""
DIM = "dim"
RECOVERED = ("resolved", "recovered_alone")
GOOD = frozenset({"resolved", "recovered_alone", "observed"})


def tree_of(story: Story) -> Tree:
    """Noticed, explained, recalled, planned, gated, asked, done, ended; each with what was known."""
    opened = story.view.get("opened_at") or (story.decisions[0].at if story.decisions else 0)
    day = day_of(opened)
    tree = Tree(_head(story, opened), guide_style=DIM)
    for phase in PHASES:
        branch: Tree | None = None
        for at, lines in _lines_of(story, phase):
            branch = branch or tree.add(Text.assemble((phase, "bold"), (_clock_of(phase, story), DIM)))
            branch.add(_row(at, lines, day))
    last = tree.add(Text("record", "bold"))
    decisions = "1 decision" if len(story.decisions) == 1 else f"{len(story.decisions)} decisions"
    events = "1 event" if story.events == 1 else f"{story.events} events"
    told = f"{decisions} in {events}; decision digest {short(story.digest)}"
    last.add(Text(told, DIM))
    if not story.reflex:
        last.add(Text("times that are not marked as event time are the wall clock's", DIM))
    return tree


def _head(story: Story, opened: int) -> Text:
    status, closed = story.view.get("status", "open"), story.view.get("closed_at")
    ended = "over" if status in GOOD else "ended"
    lasted = f", {ended} after {duration(closed - opened)}" if closed else ""
    head = Text.assemble((story.incident, "bold"), f" · {story.view.get('pack', '?')} · ")
    head.append(status if status == "open" else ENDINGS.get(status, status), _status_style(status))
    clock = "" if story.reflex else " (event time)"
    return head.append(f" · {moment(opened)} UTC{clock}{lasted}", DIM)


def _clock_of(phase: Phase, story: Story) -> str:
    """In a replay the two lie years apart: what is not told in event time is told by the wall clock."""
    recovered = phase == "ended" and story.view.get("status") in RECOVERED
    return " (event time)" if (phase == "noticed" and not story.reflex) or recovered else ""


def _status_style(status: str) -> str:
    if status == "open":
        return "yellow"
    return "green" if status in GOOD else "red"


def _row(at: int, lines: list[Line], day: str) -> Table:
    same = day_of(at) == day
    row = Table.grid(padding=(0, 2, 0, 0))
    row.add_column(width=5 if same else None, no_wrap=True)
    row.add_column(ratio=1)
    for number, (text, style) in enumerate(lines):
        row.add_row(Text(moment(at, day=not same) if number == 0 else "", DIM), Text(text, style))
    return row


def _lines_of(story: Story, phase: Phase) -> Iterable[tuple[int, list[Line]]]:
    if phase == "commands":
        return [(command.issued_at, _command(command)) for command in story.commands] + [
            (decision.at, [(decision.summary, "")])
            for decision in story.of(phase)
            if decision.graph == "incident" and "command" not in decision.semantic
        ]
    if phase == "person":
        asked = [(request["requested_at"], _request(request)) for request in story.requests]
        said = [(each.at, _plain(each)) for each in story.of(phase) if each.node != "answered"]
        return sorted(asked + said, key=lambda row: row[0])
    if phase == "outcome":  # what came of a command stands beside it; here is what has no other place
        return [(each.at, _plain(each)) for each in story.of(phase) if each.node != "outcome"] + _acted(story)
    if phase == "ended" and (tools := tools_of(story.view)):
        return [(_at(each), [*_plain(each), (tools.removeprefix("; "), DIM)]) for each in story.of(phase)]
    teller = _TELLERS.get(phase, _plain)
    return [(_at(decision), teller(decision)) for decision in story.of(phase) if decision.node != "open"]


def _at(decision: Decision) -> int:
    """When it was decided; a recovery is noted some panes after it happened."""
    recovered = decision.semantic.get("status") in RECOVERED
    at: int = decision.semantic.get("closed_at", decision.at) if recovered else decision.at
    return at


def _plain(decision: Decision) -> list[Line]:
    note = decision.semantic.get("note")
    return [(decision.summary + (f": {note}" if note else ""), "")]


def _noticed(decision: Decision) -> list[Line]:
    signal = decision.semantic["signal"]
    text = f"{signal['pattern']} of {signal['measure']}: {signal['observed']:g} where {signal['expected']:.3g} expected"
    since = f"by {signal['detector']}, score {signal['score']:.1f}; since {moment(signal['onset'])}"
    return [(text, ""), (f"{since}; {decision.semantic['how']}{_known(decision)}", DIM)]


def _explained(decision: Decision) -> list[Line]:
    found = decision.semantic["explanation"]
    lines = [(unprefixed(found["summary"], found["verdict"]), "")]
    for cause in found["causes"]:
        named = " and ".join(f"{each['dimension']} {each['value']}" for each in cause["attributes"])
        counts = f"{cause['window_units']} units where {cause['expected_units']:.2g} were expected"
        strength = f"lift {cause['lift']:.1f}, p {cause['p_value']:.2g} of {found['tested']} tests"
        lines.append((f"{named}: {counts}, {strength}", DIM))
    if decision.known:
        lines.append((_known(decision).removeprefix("; "), DIM))
    return lines


def _recalled(decision: Decision) -> list[Line]:
    lines: list[Line] = [(decision.summary, "")]
    for match in decision.alternatives:
        verdict = "fits" if match["applicable"] else "does not fit"
        reasons = "; ".join(each for each in match["why"] if not each.startswith("track record"))
        lines.append((f"{match['template']} {verdict}, {track(match['record'])}: {reasons}", DIM))
    return lines


def _planned(decision: Decision) -> list[Line]:
    plan = decision.semantic.get("plan")
    if plan is None:
        return [(decision.summary, "red"), *_model(decision.model)]
    told = [each for each in (at_stake(plan["value_at_stake"]), f"until {moment(plan['deadline'])}") if each]
    lines: list[Line] = [(f"{plan['template']} ({plan['lane']}): {', '.join(told)}", ""), (plan["reason"], DIM)]
    for task in plan["tasks"]:
        undo = f", undone by {task['compensation']['tool']}" if task["compensation"] else ""
        lines.append(
            (f"{task['ordinal']}. {task['tool']}({_arguments(task['arguments'])}) risk {task['risk']}{undo}", DIM)
        )
    lines.append((f"plan digest {short(decision.semantic['digest'])}", DIM))
    return lines + _model(decision.model)


def _arguments(arguments: Mapping[str, Any]) -> str:
    """Each value with where it came from."""
    return ", ".join(f"{name}={each['value']} from {each['source']}" for name, each in arguments.items())


def _model(use: ModelUse | None) -> list[Line]:
    if use is None:
        return []
    tokens = f"{_count(use.input_tokens)} tokens in, {_count(use.output_tokens)} out"
    cost = f", cost {use.cost}" if use.cost is not None else ""
    return [(f"model {use.model}, prompt {use.prompt} ({short(use.prompt_digest)}): {tokens}{cost}", "magenta")]


def _count(tokens: int | None) -> str:
    return "?" if tokens is None else f"{tokens:,}"


def _gated(decision: Decision) -> list[Line]:
    lines: list[Line] = [(decision.summary.split(": ", 1)[0], "")]
    return lines + [(verdict, DIM) for verdict in decision.verdicts]


def _request(request: Mapping[str, Any]) -> list[Line]:
    most = f"at most {money(request['value_ceiling'])}, " if at_stake(request["value_at_stake"]) else ""
    until = f"{most}until {moment(request['expires_at'])}"
    return [(f"asked for approval of {request['template']}: {until}", ""), (f"request {request['id']}", DIM)]


def _command(command: CommandStory) -> list[Line]:
    arguments = ", ".join(f"{name}={value}" for name, value in command.arguments.items())
    good = command.status in ("succeeded", None)
    status = command.status or ("in flight" if command.topic is None else f"published to {command.topic}")
    undoes = f", undoes {command.compensates}" if command.compensates else ""
    lines: list[Line] = [(f"{command.tool}({arguments}): {status}", "" if good else "red")]
    if told := command.error or figures(command.result, command.arguments):
        lines.append((told, DIM))
    return [*lines, (f"{command.id} by {command.authority}{undoes}", DIM)]


def _acted(story: Story) -> list[tuple[int, list[Line]]]:
    done = [command.done_at for command in story.commands if command.done_at is not None]
    if "acted_at" not in story.view or not done:
        return []
    return [(max(done), [("every command was carried out; the measure is watched", "")])]


def _known(decision: Decision) -> str:
    return "".join(f"; {name} {short(value)}" for name, value in decision.known.items())


_TELLERS: Mapping[Phase, Callable[[Decision], list[Line]]] = {
    "noticed": _noticed,
    "explained": _explained,
    "recalled": _recalled,
    "planned": _planned,
    "gated": _gated,
}
