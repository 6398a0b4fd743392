from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from contracts import DAY, Event
from scenarios.retail import TICK, OtherWorld, RetailWorld, WorldEnded, WorldSettings, run_off, troubles
from scenarios.retail.settings import START
from scenarios.retail.simulation import Simulation
from tests.scenarios.retail.builders import advance

SMALL = WorldSettings(seed=11, days=1, archive_days=0)


def reference(settings: WorldSettings, ticks: int) -> list[list[Event]]:
    simulation = Simulation(settings)
    return [simulation.advance()[0] for _ in range(ticks)]


def test_a_step_changes_nothing_durable(tmp_path: Path) -> None:
    world = RetailWorld(tmp_path, SMALL)
    first = world.step()
    assert world.step() == first
    assert (world.tick, world.time, world.report().orders) == (0, START, 0)
    world.commit()
    assert (world.tick, world.time) == (1, START + TICK)
    assert world.report().orders == len(first)


def test_a_commit_without_a_step_does_nothing(tmp_path: Path) -> None:
    world = RetailWorld(tmp_path, SMALL)
    world.commit()
    assert world.tick == 0


@hypothesis_settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.sampled_from(["step", "commit", "reopen"]), min_size=5, max_size=60))
def test_every_tick_has_the_same_events_however_often_it_crashes(
    steps: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("world")
    expected = reference(SMALL, 60)
    world, pending = RetailWorld(home, SMALL), False
    for what in steps:
        durable = world.tick
        if what == "step":
            assert world.step() == expected[durable]
            pending = True
        elif what == "commit":
            world.commit()
            assert world.tick == durable + pending
            pending = False
        else:
            world.close()
            world, pending = RetailWorld(home, SMALL), False
            assert world.tick == durable


def test_reopened_in_trouble_it_goes_on_as_if_it_had_never_stopped(
    troubled: RetailWorld, settings: WorldSettings, tmp_path: Path
) -> None:
    troubled.step()
    troubled.close()
    reopened = RetailWorld(tmp_path, settings)
    advance(reopened, settings.ticks)
    assert reopened.report() == run_off(settings)


def test_events_are_sorted_whole_seconds_inside_their_tick(tmp_path: Path) -> None:
    world = RetailWorld(tmp_path, SMALL)
    for _ in range(60):
        before, events = world.time, world.step()
        world.commit()
        times = [event.time for event in events]
        assert times == sorted(times)
        assert all(before <= time < world.time and time % 1_000_000 == 0 for time in times)
        assert all(event.key == event.data["order_id"] and event.id.startswith(f"{event.key}-") for event in events)


def test_the_first_step_brings_the_archive(tmp_path: Path) -> None:
    """Three quiet weeks of cancellations, before the first tick, with ids of their own."""
    settings = replace(SMALL, archive_days=21)
    world = RetailWorld(tmp_path, settings)
    first = world.step()
    past = [event for event in first if event.time < START]
    assert first == past + reference(SMALL, 1)[0]
    assert {event.type for event in past} == {"order.cancelled"}
    assert min(event.time for event in past) > START - 21 * DAY
    assert len(past) / 21 == pytest.approx(23 * 24 * 0.05, rel=0.15)
    world.close()
    reopened = RetailWorld(tmp_path, settings)
    assert reopened.step() == first
    reopened.commit()
    assert not [event for event in reopened.step() if event.time < START]
    ids = [event.id for event in first] + advance(reopened, settings.ticks)
    assert len(ids) == len(set(ids))


def test_it_ends(tmp_path: Path) -> None:
    world = RetailWorld(tmp_path, SMALL)
    ids = advance(world, SMALL.ticks)
    assert world.ended
    assert len(ids) == len(set(ids))
    with pytest.raises(WorldEnded, match="96"):
        world.step()


def test_another_world_is_refused(tmp_path: Path) -> None:
    RetailWorld(tmp_path, SMALL).close()
    with pytest.raises(OtherWorld, match="seed"):
        RetailWorld(tmp_path, replace(SMALL, seed=12))


@pytest.mark.parametrize(
    "wrong",
    [{"seed": -1}, {"days": 0}, {"degrade": ("E",)}, {"degrade": ("A", "A")}, {"stock_days": 0}, {"archive_days": 29}],
)
def test_settings_out_of_range_are_named(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        WorldSettings(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(20))
def test_troubles_keep_their_distance(seed: int) -> None:
    first, second = troubles(WorldSettings(seed=seed))
    assert (first.name, second.name) == ("A", "C")
    assert (second.onset - first.onset) * TICK > 14 * 3600 * 1_000_000
    assert second.onset > first.end
