from pathlib import Path

import jsonschema
import pytest

import scenarios.retail
from forestall.packs import Pack, load_pack
from scenarios.retail.settings import WorldSettings
from scenarios.retail.simulation import Simulation

FOLDER = Path(scenarios.retail.__file__).parent


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load_pack(FOLDER)


def test_it_loads_and_starts_by_observing(pack: Pack) -> None:
    assert pack.manifest.mode == "observe"
    assert {tool.name for tool in pack.catalogue} == {
        "divert_new_orders",
        "notify_customers",
        "reroute_orders",
        "restore_routing",
        "switch_carrier",
    }
    assert [runbook.template for runbook in pack.runbooks] == ["reroute_orders@1"]


def test_no_runbook_knows_how_to_switch_the_carrier(pack: Pack) -> None:
    used = {task.tool for runbook in pack.runbooks for task in runbook.tasks}
    assert "switch_carrier" not in used


def test_what_the_world_publishes_is_what_the_stream_declares(pack: Pack) -> None:
    (stream,) = pack.manifest.streams
    schemas = {declared.type: jsonschema.Draft202012Validator(declared.data) for declared in stream.types}
    world = Simulation(WorldSettings(days=1))
    seen: set[str] = set()
    while not world.ended:
        for event in world.advance()[0]:
            schemas[event.type].validate(event.data)
            assert not event.data.keys() - stream.types[0].data["properties"].keys()
            seen.add(event.type)
    assert seen == schemas.keys()


@pytest.mark.parametrize(
    ("data", "fits"),
    [
        ({"order_id": "536365", "article": "85123A", "country": "GB", "quantity": 6, "unit_price": "2.55"}, True),
        ({"order_id": "C536379", "customer": "14527", "quantity": -1}, True),
        ({"order_id": 536365}, False),
        ({"order_id": "536365", "quantity": "6"}, False),
        ({"order_id": "536365", "value": 129.9}, False),
        ({"warehouse": "A"}, False),
    ],
)
def test_only_the_order_id_is_required_and_all_fields_are_typed(
    pack: Pack, data: dict[str, object], fits: bool
) -> None:
    schema = pack.manifest.streams[0].types[-1].data
    assert jsonschema.Draft202012Validator(schema).is_valid(data) is fits
