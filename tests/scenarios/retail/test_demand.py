import os
import subprocess
import sys

import pytest

from scenarios.retail.demand import REGRET, demand_book
from scenarios.retail.network import COUNTRIES, ORDERS_PER_HOUR
from scenarios.retail.settings import TICKS_PER_DAY, WorldSettings
from scenarios.retail.simulation import Simulation

_PRINT_DIGEST = """
from contracts import digest, encode_event
from scenarios.retail.controls import remedy, snapshot_of
from scenarios.retail.settings import WorldSettings
from scenarios.retail.simulation import Simulation
world, lines, actions = Simulation(WorldSettings(seed=3, days=4)), [], ()
while not world.ended:
    events, _ = world.advance(actions)
    lines += [encode_event(event).decode() for event in events]
    due = [each for each in world.troubles if each.onset + 4 == world.tick]
    actions = [action for each in due for action in remedy(snapshot_of(world), each)]
print(len(lines), digest(lines))
"""


def test_a_longer_book_begins_with_the_shorter() -> None:
    assert demand_book(5, 300)[:200] == demand_book(5, 200)


def test_another_seed_is_another_world() -> None:
    assert demand_book(5, 100) != demand_book(6, 100)


def test_a_day_has_the_declared_orders_regrets_and_countries() -> None:
    orders = [order for tick in demand_book(1, 60 * TICKS_PER_DAY) for order in tick]
    assert len(orders) / 60 / 24 == pytest.approx(ORDERS_PER_HOUR, rel=0.05)
    assert sum(order.regret is not None for order in orders) / len(orders) == pytest.approx(REGRET, rel=0.1)
    for country, share in COUNTRIES.items():
        assert sum(order.country == country for order in orders) / len(orders) == pytest.approx(share, rel=0.1)


def test_numbers_count_up_without_gaps() -> None:
    numbers = [order.number for tick in demand_book(2, 400) for order in tick]
    assert numbers == list(range(1, len(numbers) + 1))


def test_the_same_customers_come_whatever_goes_wrong() -> None:
    def wishes(settings: WorldSettings) -> list[tuple[int, str, str]]:
        world = Simulation(settings)
        while not world.ended:
            world.advance()
        return [(number, order.demand.payment, order.carrier) for number, order in world.orders.items()]

    assert wishes(WorldSettings(seed=4)) == wishes(WorldSettings(seed=4, degrade=()))


def test_the_world_is_the_same_for_every_hash_seed() -> None:
    """Remedies and the solver included."""
    answers = set()
    for hash_seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(
            [sys.executable, "-c", _PRINT_DIGEST], env=environment, capture_output=True, text=True, check=True
        )
        answers.add(done.stdout)
    assert len(answers) == 1
