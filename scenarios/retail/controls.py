"""What Forestall is measured against: the same world without it, and with an oracle that acts at once."""

from collections import Counter
from collections.abc import Callable, Iterable

from scenarios.retail.actions import Action, Divert, Mail
from scenarios.retail.causes import Trouble
from scenarios.retail.report import WorldReport
from scenarios.retail.rerouting import reroute, switch
from scenarios.retail.settings import TICKS_PER_DAY, TICKS_PER_HOUR, WorldSettings
from scenarios.retail.simulation import Simulation
from scenarios.retail.snapshot import OpenOrder, Snapshot

HORIZON_HOURS = 24


def run_off(settings: WorldSettings) -> WorldReport:
    """The world with nobody acting, in memory."""
    return run_with(settings, lambda _: ())


def run_oracle(settings: WorldSettings) -> WorldReport:
    """The world with somebody who knows every cause and acts when its first tick is over, in memory."""
    return run_delayed(settings, 0)


def run_delayed(settings: WorldSettings, hours: float) -> WorldReport:
    """The oracle, slower by so many hours."""
    delay = round(hours * TICKS_PER_HOUR)

    def decide(simulation: Simulation) -> Iterable[Action]:
        for trouble in simulation.troubles:
            if trouble.onset + delay == simulation.tick:
                yield from remedy(snapshot_of(simulation), trouble)

    return run_with(settings, decide)


def run_with(settings: WorldSettings, decide: Callable[[Simulation], Iterable[Action]]) -> WorldReport:
    """The world with somebody who decides after every tick, in memory."""
    simulation = Simulation(settings)
    actions: list[Action] = []
    while not simulation.ended:
        simulation.advance(actions)
        actions = list(decide(simulation))
    return simulation.report()


def remedy(snapshot: Snapshot, trouble: Trouble) -> tuple[Action, ...]:
    """What the tools would do about a trouble; nothing in the shop helps against a failing payment provider."""
    if trouble.kind == "payment":
        return ()
    if trouble.kind == "carrier":
        return (switch(snapshot, trouble.name, HORIZON_HOURS)[0],)
    until = snapshot.tick + HORIZON_HOURS * TICKS_PER_HOUR
    move = reroute(snapshot, trouble.name, HORIZON_HOURS).move
    return Divert(trouble.name, until), move, Mail(tuple(sorted(move.targets)))


def snapshot_of(simulation: Simulation) -> Snapshot:
    """What the shop's systems show of a world in memory."""
    yesterday = simulation.tick - TICKS_PER_DAY
    recent = [order for order in simulation.orders.values() if order.demand.placed > yesterday]
    return Snapshot(
        tick=simulation.tick,
        orders=tuple(
            OpenOrder(
                number=order.demand.number,
                warehouse=order.warehouse,
                carrier=order.carrier,
                country=order.demand.country,
                category=order.demand.category,
                value=order.demand.value,
                ready=order.ready,
                due=order.due,
                promised_at=order.promised_at,
            )
            for order in simulation.open
        ),
        stock=dict(simulation.stock),
        rates=simulation.rates(),
        placed=Counter(name for order in recent for name in (order.warehouse, order.carrier)),
    )
