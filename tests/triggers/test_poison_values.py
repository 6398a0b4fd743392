"""Values that are valid JSON and too much for arithmetic or for our own events: named, and in nobody's way."""

from pathlib import Path
from typing import Any

import pytest

from contracts import AutonomyRule, EventType, Reflex, StreamSpec, TopicTool
from contracts.pack import Autonomy
from tests.graphs.plant import Plant, manifest
from tests.triggers.station import open_station, reading
from tests.triggers.test_reflex import allow, commands, counted

BEYOND_FLOAT = "1" + "0" * 400


def watched(path: Path, arguments: dict[str, Any], data: dict[str, Any] | None = None, **changes: Any) -> Plant:
    rule = {"name": "stop", "of": ["pump.read"], "where": [{"field": "state", "equals": "burst"}], "tool": "stop_pump"}
    pack = manifest(
        "act",
        reflexes=(Reflex.model_validate(rule | {"arguments": {"pump": "$note"}} | changes),),
        topic_tools=(TopicTool(name="stop_pump", topic="pump.commands", title="Stop", arguments=arguments),),
    )
    streams = (StreamSpec(topic="pumps", types=(EventType(type="pump.read", data=data or {}),)),)
    autonomy = Autonomy(rules=(AutonomyRule(tool="stop_pump", may="alone"),))
    return Plant(path / "plant", pack.model_copy(update={"autonomy": autonomy, "streams": streams}))


async def test_a_measured_number_beyond_every_float_is_a_dead_letter(tmp_path: Path) -> None:
    async with open_station(watched(tmp_path, {})) as station:
        huge = reading(0, 4.25).replace(b"4.25", BEYOND_FLOAT.encode())
        await station.publish(huge, reading(1, 4.0))
        await station.settle()
        found = await station.ledger.read(lambda tx: (tx.inbox.dead_letter_count(), tx.docs.counters()))
        assert found[0] == {"missing_key": 1}
        assert found[1]["monitor:plant:events"] == 1


async def test_a_stream_schema_that_cannot_judge_a_number_refuses_it(tmp_path: Path) -> None:
    steps = {"type": "object", "properties": {"flow": {"type": "number", "multipleOf": 0.5}}}
    async with open_station(watched(tmp_path, {}, steps)) as station:
        huge = reading(0, flow=4.25).replace(b"4.25", BEYOND_FLOAT.encode())
        await station.publish(huge, reading(1, 4.0))
        await station.settle()
        found = await station.ledger.read(lambda tx: (tx.inbox.dead_letter_count(), tx.docs.counters()))
        assert found[0] == {"schema": 1}
        assert found[1]["monitor:plant:events"] == 1


@pytest.mark.parametrize("value", ["far beyond a float", "a megabyte"])
async def test_an_argument_that_no_command_can_carry_is_refused(tmp_path: Path, value: str) -> None:
    steps = {"type": "object", "properties": {"pump": {"type": ["number", "string"], "multipleOf": 0.5}}}
    async with open_station(watched(tmp_path, steps)) as station:
        await allow(station.process)
        written = b'"' + b"p" * 900_000 + b'"' if value == "a megabyte" else BEYOND_FLOAT.encode()
        hostile = reading(0, state="burst", note="n1").replace(b'"n1"', written)
        await station.publish(hostile, reading(1, state="burst", note="p2"))
        await station.settle()
        assert await commands(station) == [{"pump": "p2"}]
        assert (await counted(station))["refused"] == 1


async def test_a_key_that_no_signal_can_carry_is_a_dead_letter(tmp_path: Path) -> None:
    async with open_station(watched(tmp_path, {})) as station:
        hostile = reading(0, 99.0).replace(b'"pump":"p1"', b'"pump":"' + b"p" * 900_000 + b'"')
        await station.publish(hostile, *[reading(minute, 99.0) for minute in range(1, 5)])
        await station.settle()
        found = await station.ledger.read(lambda tx: (tx.inbox.dead_letter_count(), tx.docs.counters()))
        assert found[0] == {"missing_key": 1}
        assert found[1]["monitor:plant:events"] == 4
        assert len(await station.process.incidents()) == 1
