"""What `pack check` says that comes of a reflex is what comes of one."""

import json
from pathlib import Path
from typing import Any

import pytest

from contracts import AutonomyRule, Reflex, TopicTool
from contracts.pack import Autonomy
from forestall.packs.partly import ANY
from forestall.packs.written import written_by
from tests.graphs.plant import Plant, manifest
from tests.triggers.station import open_station, reading
from tests.triggers.test_reflex import allow
from tools import NothingDone

OURS = ("forestall.decisions", "forestall.commands", "plant.valve", "pump.commands")


def covers(said: Any, found: Any) -> bool:
    if said is ANY:
        return True
    if not isinstance(said, dict) or not isinstance(found, dict):
        return bool(said == found)
    return all(name in said and covers(said[name], each) for name, each in found.items()) and all(
        name in found for name, each in said.items() if each is not ANY
    )


@pytest.mark.parametrize("fault", [None, NothingDone("jammed")])
@pytest.mark.parametrize("tool", ["stop_pump", "move_valve"])
async def test_every_message_is_foreseen_on_its_topic(tmp_path: Path, tool: str, fault: Exception | None) -> None:
    argument = "pump" if tool == "stop_pump" else "to"
    reflex = Reflex.model_validate(
        {"name": "stop", "of": ["pump.read"], "tool": tool, "arguments": {argument: "$pump"}}
    )
    schema = {"type": "object", "required": ["pump"], "properties": {"pump": {"type": "string"}}}
    tools = (TopicTool(name="stop_pump", topic="pump.commands", title="Stop", arguments=schema),)
    pack = manifest(reflexes=(reflex,), topic_tools=tools)
    pack = pack.model_copy(update={"autonomy": Autonomy(rules=(AutonomyRule(tool=tool, may="alone"),))})
    plant = Plant(tmp_path / "plant", pack)
    plant.price[0] *= 0
    plant.valve.faults += [fault] if fault else []
    async with open_station(plant) as station:
        await station.publish(reading(0, pump="p2"))
        await station.settle()  # nobody gave leave yet
        await allow(station.process)
        await station.publish(reading(0.1))
        await station.settle()
        messages = [(topic, json.loads(each.payload)) for topic in OURS for each in await station.received(topic)]
        catalogue = station.process.pack.catalogue
    found = [each for each in messages if each[1]["data"].get("graph") != "person"]
    said = list(written_by(pack, reflex, catalogue))
    for topic, message in found:
        assert any(topic in each.topics and covers(each.message, message) for each in said), message
    kinds = {message["type"] for _, message in found}
    assert kinds >= {"forestall.decision.made", "forestall.command.issued"}
    if tool == "move_valve":
        done = {"forestall.command.succeeded", "plant.valve.moved"}
        assert kinds >= ({"forestall.command.failed"} if fault else done)
    for each in said:  # and nothing is thought to be written always that is not
        assert not each.always or sum(covers(each.message, message) for _, message in found) == 2
