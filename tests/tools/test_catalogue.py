"""Tools, their catalogue, their grants, and the one door to them."""
# ruff: noqa: ARG001 (a tool's signature is what the catalogue reads)

from dataclasses import replace
from decimal import Decimal
from typing import Any, Literal

import pytest

from contracts import Command, digest
from evals.virtual_clock import VirtualClock
from tools import (
    Catalogue,
    Grant,
    Quote,
    RefuseCommand,
    Result,
    Tool,
    Toolbox,
    ToolContext,
    WrongDeclaration,
    tool,
)

NOW = 1_000


def new_tool(calls: list[Any]) -> Tool:
    @tool(effect="reconcilable", risk="high", announces="plant.valve.moved")
    async def move_valve(context: ToolContext, to: Literal["open", "shut"], turns: int = 3) -> Result:
        """Turn the relief valve.

        Slowly.
        """
        calls.append((context.command_id, context.now, context.value_ceiling, to, turns, dict(context.resources)))
        return {"changed": turns}

    @move_valve.quote
    async def at_stake(context: ToolContext, to: str, turns: int = 3) -> Quote:
        return Quote(Decimal(turns * 10))

    @move_valve.reconcile
    async def moved(context: ToolContext, to: str, turns: int = 3) -> Result | None:
        return {"known": context.command_id} if calls else None

    return move_valve


def command(**changes: Any) -> Command:
    values: dict[str, Any] = {
        "id": "cmd-1", "incident_id": "inc-1", "pack": "plant", "tenant": "default", "plan_version": 1, "ordinal": "1",
        "tool": "move_valve", "arguments": {"to": "open"}, "deadline": NOW + 10, "value_ceiling": Decimal(9),
        "authority": "approval:req-1",
    }  # fmt: skip
    return Command.model_validate(values | changes)


def grant_for(made: Command) -> Grant:
    return Grant(made.id, made.tool, digest(made.arguments), made.value_ceiling, made.deadline, made.authority)


def toolbox(calls: list[Any], now: int = NOW) -> Toolbox:
    return Toolbox(Catalogue([new_tool(calls)]), {"valve": "v1"}, VirtualClock(now))


def test_what_a_declaration_tells() -> None:
    made = new_tool([])
    assert (made.name, made.effect, made.risk, made.title) == ("move_valve", "reconcilable", "high", "move valve")
    assert made.description == "Turn the relief valve.\n\nSlowly."
    assert made.announces == "plant.valve.moved"
    assert made.schema["properties"]["to"]["enum"] == ["open", "shut"]
    assert made.schema["required"] == ["to"]
    assert made.schema["additionalProperties"] is False


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"to": "half"}, r"move_valve\.to: 'half': Input should be 'open' or 'shut'"),
        ({"to": "open", "turns": "many"}, r"move_valve\.turns: 'many': Input should be a valid integer"),
        ({"to": "open", "fast": True}, r"move_valve\.fast: True: Extra inputs are not permitted"),
        ({}, r"move_valve\.to: \{\}: Field required"),
        ({"context": 1, "to": "open"}, r"move_valve\.context: 1: Extra inputs are not permitted"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(RefuseCommand, match=message):
        new_tool([]).validate(arguments)


def test_defaults_are_filled_in() -> None:
    assert new_tool([]).validate({"to": "shut"}) == {"to": "shut", "turns": 3}


def test_a_tool_that_cannot_be_described_is_refused_when_it_is_declared() -> None:
    async def no_context(to: str) -> Result:
        return {}

    async def untyped(context: ToolContext, to) -> Result:  # type: ignore[no-untyped-def]
        return {}

    with pytest.raises(TypeError, match="no_context: the first parameter must be `context`"):
        tool(effect="keyed")(no_context)
    with pytest.raises(TypeError, match=r"untyped\.to: annotate its type"):
        tool(effect="keyed")(untyped)


@pytest.mark.parametrize(
    ("declared", "says"),
    [
        ({"effect": "opaqe"}, "horn.effect: 'opaqe': must be 'keyed', 'reconcilable' or 'opaque'"),
        ({"effect": "Opaque"}, "horn.effect: 'Opaque': must be"),
        ({"effect": ["opaque"]}, r"horn.effect: \['opaque'\]: must be"),
        ({"effect": None}, "horn.effect: None: must be"),
        ({"effect": ""}, "horn.effect: must be"),
        ({"effect": "opaque", "risk": "hihg"}, "horn.risk: 'hihg': must be 'low', 'medium' or 'high'"),
    ],
)
def test_a_word_that_nobody_knows_is_refused(declared: dict[str, Any], says: str) -> None:
    async def horn(context: ToolContext) -> Result:
        return {}

    with pytest.raises(WrongDeclaration, match=says) as caught:
        tool(**declared)(horn)
    assert (caught.value.file, caught.value.line) == (__file__, horn.__code__.co_firstlineno)


def test_what_cannot_be_awaited_is_refused() -> None:
    """It would have had its effect before the answer was refused, and then again."""

    def horn(context: ToolContext) -> Result:
        return {}

    async def horns(context: ToolContext) -> Any:
        yield {}

    for each in (horn, horns):
        with pytest.raises(WrongDeclaration, match=rf"{each.__name__}: must be a coroutine; write async def"):
            tool(effect="keyed")(each)  # type: ignore[arg-type]
    made = new_tool([])
    for declare in (made.quote, made.reconcile):
        with pytest.raises(WrongDeclaration, match="horn: of move_valve, must be a coroutine; write async def"):
            declare(horn)  # type: ignore[arg-type, call-overload]


def test_a_catalogue_is_by_name() -> None:
    catalogue = Catalogue([new_tool([])])
    assert [each.name for each in catalogue] == ["move_valve"]
    assert "move_valve" in catalogue
    assert "other" not in catalogue
    with pytest.raises(RefuseCommand, match=r"tool: 'other' is not in the catalogue; known: \['move_valve'\]"):
        catalogue.get("other")


def test_a_reconcilable_tool_must_be_askable() -> None:
    @tool(effect="reconcilable")
    async def call_crew(context: ToolContext) -> Result:
        return {}

    with pytest.raises(TypeError, match=r"call_crew: effect reconcilable needs @call_crew\.reconcile"):
        Catalogue([call_crew])


async def test_what_cannot_be_asked_says_so() -> None:
    @tool(effect="opaque")
    async def sound_horn(context: ToolContext) -> Result:
        return {}

    box = Toolbox(Catalogue([sound_horn]), {}, VirtualClock(NOW))
    with pytest.raises(TypeError, match=r"sound_horn: effect opaque cannot be asked; declare @sound_horn\.reconcile"):
        await box.applied(command(tool="sound_horn", arguments={}))
    assert await box.quote(command(tool="sound_horn", arguments={})) == Quote(Decimal(0)), "nothing is at stake"


async def test_a_call_under_its_grant() -> None:
    calls: list[Any] = []
    made = command()
    assert await toolbox(calls).invoke(made, grant_for(made)) == {"changed": 3}
    assert calls == [("cmd-1", NOW, Decimal(9), "open", 3, {"valve": "v1"})]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": "cmd-2"}, "grant: it is for move_valve cmd-1, not move_valve cmd-2"),
        ({"tool": "other"}, "grant: it is for move_valve cmd-1, not other cmd-1"),
        ({"arguments": {"to": "shut"}}, "grant: the arguments of cmd-1 changed after it was granted"),
        ({"arguments": {"to": "open", "turns": 3}}, "grant: the arguments of cmd-1 changed after it was granted"),
    ],
)
async def test_a_grant_is_for_one_command(change: dict[str, Any], message: str) -> None:
    calls: list[Any] = []
    with pytest.raises(RefuseCommand, match=message):
        await toolbox(calls).invoke(command(**change), grant_for(command()))
    assert calls == []


async def test_a_grant_and_a_command_run_out() -> None:
    calls: list[Any] = []
    made = command()
    with pytest.raises(RefuseCommand, match="grant: it expired before cmd-1 ran"):
        await toolbox(calls, NOW + 11).invoke(made, grant_for(made))
    with pytest.raises(RefuseCommand, match="cmd-1: its deadline has passed"):
        await toolbox(calls, NOW + 11).invoke(made, replace(grant_for(made), expires_at=NOW + 99))
    assert calls == []
    assert await toolbox(calls, NOW + 10).invoke(made, grant_for(made)), "to the very end"


async def test_a_quote_and_a_question_change_nothing() -> None:
    calls: list[Any] = []
    box = toolbox(calls)
    assert await box.quote(command(arguments={"to": "open", "turns": 4})) == Quote(Decimal(40))
    assert await box.applied(command()) is None
    assert calls == []
    with pytest.raises(RefuseCommand, match=r"move_valve\.to"):
        await box.quote(command(arguments={"to": 1}))
    await box.invoke(command(), grant_for(command()))
    assert await box.applied(command()) == {"known": "cmd-1"}
