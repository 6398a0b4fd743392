"""The laws of the retail world, in memory: one tick after another, a function of the settings and the actions alone."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from contracts import DAY, Event
from scenarios.retail.actions import Action, Divert, Mail, Move, Restore, Switch
from scenarios.retail.causes import Trouble, troubles
from scenarios.retail.customers import declined_hazard, late_hazard, waking
from scenarios.retail.demand import Demand, demand_book
from scenarios.retail.facts import cancelled, placed, shipped
from scenarios.retail.network import CARRIERS, CATEGORIES, DEGRADED, LANES, WAREHOUSES, normal_rate, stock_level
from scenarios.retail.orders import Order, promise, slips
from scenarios.retail.report import Fate, WorldReport, summarise
from scenarios.retail.settings import TICKS_PER_DAY, TICKS_PER_HOUR, WorldSettings, instant

_FILLED_AT = 5 * TICKS_PER_HOUR
"""Stock is filled up at 05:00."""


@dataclass(slots=True)
class Server:
    """A warehouse or a carrier: `rate` in orders a tick, `credit` in orders that it may still handle in this one.

    New orders avoid it up to and including tick `avoided_until`.
    """

    rate: float
    credit: float = 0.0
    avoided_until: int = 0


class Simulation:
    """The world's state after `tick`; `advance` makes the next one."""

    def __init__(self, settings: WorldSettings) -> None:
        self.settings = settings
        self.troubles: tuple[Trouble, ...] = troubles(settings)
        self.book = demand_book(settings.seed, settings.ticks)
        self.tick = 0
        self.orders: dict[int, Order] = {}
        self.open: list[Order] = []
        self.stock = {
            (name, category): stock_level(name, category, settings.stock_days)
            for name in WAREHOUSES
            for category in CATEGORIES
        }
        self.servers = {name: Server(normal_rate(share)) for name, share in (WAREHOUSES | CARRIERS).items()}

    @property
    def ended(self) -> bool:
        return self.tick >= self.settings.ticks

    def rates(self) -> dict[str, float]:
        """Orders a tick that every warehouse and carrier handles now."""
        return {name: server.rate for name, server in self.servers.items()}

    def advance(self, actions: Iterable[Action] = ()) -> tuple[list[Event], list[Order]]:
        """The next tick: its events by time, and every order that it changed."""
        self.tick += 1
        self._set_rates()
        changed: dict[int, Order] = {}
        for action in actions:
            changed.update((order.demand.number, order) for order in self._fold(action))
        if self.tick % TICKS_PER_DAY == _FILLED_AT + 1:
            self._fill_stock()
        events: list[Event] = []
        for order in self._ship():
            events.append(shipped(order, self.tick))
            changed[order.demand.number] = order
        self.open = [order for order in self.open if order.state == "open"]
        for order in self._listen():
            if order.state == "cancelled":
                events.append(cancelled(order, self.tick))
            changed[order.demand.number] = order
        self.open = [order for order in self.open if order.state == "open"]
        for order in self._receive():
            events.append(placed(order))
            changed[order.demand.number] = order
        return sorted(events, key=lambda event: (event.time, event.id)), list(changed.values())

    def report(self) -> WorldReport:
        fates = (
            Fate(order.state, order.demand.value, order.promised_at, order.arrives) for order in self.orders.values()
        )
        return summarise(self.tick, instant(self.tick), fates)

    def _set_rates(self) -> None:
        for name, share in (WAREHOUSES | CARRIERS).items():
            down = any(
                each.kind != "payment" and each.name == name and each.active(self.tick) for each in self.troubles
            )
            server = self.servers[name]
            server.rate = normal_rate(share) * (DEGRADED if down else 1.0)
            server.credit = min(server.credit, 1.0) + server.rate  # what is idle now cannot be used later

    def _fill_stock(self) -> None:
        """Up to the level; units of open orders are reserved already and do not count."""
        for (name, category), available in self.stock.items():
            level = stock_level(name, category, self.settings.stock_days)
            self.stock[name, category] = max(available, level)

    def _fold(self, action: Action) -> Iterator[Order]:
        match action:
            case Divert(warehouse=name, until=until):
                self.servers[name].avoided_until = max(until, self.servers[name].avoided_until)
            case Restore(warehouse=name):
                self.servers[name].avoided_until = 0
            case Move():
                yield from self._move(action)
            case Switch(carrier=name, targets=targets, until=until):
                self.servers[name].avoided_until = max(until, self.servers[name].avoided_until)
                for order in self._still_open(targets):
                    if order.carrier == name:
                        order.carrier = targets[order.demand.number]
                        yield order
            case Mail(orders=numbers):
                for order in self._still_open(numbers):
                    order.mailed = True
                    yield order

    def _still_open(self, numbers: Iterable[int]) -> Iterator[Order]:
        found = (self.orders[number] for number in sorted(numbers) if number in self.orders)
        return (order for order in found if order.state == "open")

    def _move(self, action: Move) -> Iterator[Order]:
        """What has left, was cancelled or moved meanwhile stays, and so does what the target has no stock for."""
        for order in self._still_open(action.targets):
            target, category = action.targets[order.demand.number], order.demand.category
            if order.warehouse != action.warehouse or self.stock[target, category] < 1:
                continue
            self.stock[order.warehouse, category] += 1
            self.stock[target, category] -= 1
            order.move(target)
            yield order

    def _ship(self) -> Iterator[Order]:
        """Oldest first, while the warehouse and the carrier can handle another one in this tick."""
        for order in self.open:
            if order.ready > self.tick:
                continue
            warehouse, carrier = self.servers[order.warehouse], self.servers[order.carrier]
            if warehouse.credit < 1.0 or carrier.credit < 1.0:
                continue
            warehouse.credit -= 1.0
            carrier.credit -= 1.0
            order.state, order.closed = "shipped", self.tick
            leaves = instant(self.tick - 1) + order.demand.shipping_offset
            order.arrives = leaves + LANES[order.warehouse, order.demand.country].days * DAY
            yield order

    def _listen(self) -> Iterator[Order]:
        """What customers of open orders think of it; those who change their mind or cancel."""
        awake = waking(self.tick)
        declined = {each.name for each in self.troubles if each.kind == "payment" and each.active(self.tick)}
        for order, slip in slips(self.open, self.tick, self.rates()):
            demand = order.demand
            regrets = demand.regret is not None and demand.regret <= self.tick
            asked = demand.payment in declined
            if slip <= 0 and not (order.slipped or asked or regrets):
                continue
            order.slipped = order.slipped or slip > 0
            order.strain += awake * late_hazard(slip, order.slipped, order.mailed)
            order.doubt += awake * declined_hazard() if asked else 0.0
            if regrets or order.strain >= demand.patience or order.doubt >= demand.credit:
                order.state, order.closed = "cancelled", self.tick
                self.stock[order.warehouse, demand.category] += 1
            yield order

    def _receive(self) -> Iterator[Order]:
        """New orders; where no warehouse has a unit of the category, the shop sells none and no order comes about."""
        for demand in self.book[self.tick - 1]:
            warehouse = self._serving(demand)
            if warehouse is None:
                continue
            self.stock[warehouse, demand.category] -= 1
            carrier = next((name for name in demand.carriers if not self._avoided(name)), demand.carriers[0])
            order = Order(demand, warehouse, carrier, promise(demand, warehouse))
            self.orders[demand.number] = order
            self.open.append(order)
            yield order

    def _serving(self, demand: Demand) -> str | None:
        stocked = [name for name in demand.warehouses if self.stock[name, demand.category] > 0]
        return next((name for name in stocked if not self._avoided(name)), stocked[0] if stocked else None)

    def _avoided(self, name: str) -> bool:
        return self.tick <= self.servers[name].avoided_until
