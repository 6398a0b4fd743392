"""An order from placing to its end, and when it can leave at the rates of now."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from contracts import DAY
from scenarios.retail.demand import Demand
from scenarios.retail.network import HANDLING_TICKS, LANES
from scenarios.retail.settings import TICK, instant

State = Literal["open", "shipped", "cancelled"]


@dataclass(slots=True)
class Order:
    """One order as the order management system has it.

    `ready` is the first tick in which it can leave and `due` the last in which it must to keep `promised_at`
    (microseconds). `strain` is the customer's integrated hazard so far, `doubt` the same of the payment.
    `moved_from` names the warehouse that it was rerouted from; `closed` is the tick in which it shipped or was
    cancelled, `arrives` the instant at which a shipped parcel is delivered.
    """

    demand: Demand
    warehouse: str
    carrier: str
    promised_at: int
    state: State = "open"
    strain: float = 0.0
    doubt: float = 0.0
    slipped: bool = False
    mailed: bool = False
    moved_from: str | None = None
    closed: int | None = None
    arrives: int | None = None
    ready: int = 0
    due: int = 0

    def __post_init__(self) -> None:
        self.ready = self.demand.placed + HANDLING_TICKS
        self.due = due_tick(self.promised_at, self.warehouse, self.demand.country)

    @property
    def order_id(self) -> str:
        return order_id(self.demand.number)

    def move(self, warehouse: str) -> None:
        """Serve it from another warehouse; the promise stays."""
        self.moved_from, self.warehouse = self.warehouse, warehouse
        self.due = due_tick(self.promised_at, warehouse, self.demand.country)


def order_id(number: int) -> str:
    return f"order-{number:06d}"


def promise(demand: Demand, warehouse: str) -> int:
    """When the shop promises delivery: handling, transit and some grace, whatever the queue is."""
    days = LANES[warehouse, demand.country].days
    return instant(demand.placed + HANDLING_TICKS + demand.grace) + days * DAY


def due_tick(promised_at: int, warehouse: str, country: str) -> int:
    """The last tick in which a parcel can leave and still keep the promise."""
    return (promised_at - LANES[warehouse, country].days * DAY - instant(0)) // TICK


class Queued(Protocol):
    """What the projection needs to know of an order."""

    @property
    def warehouse(self) -> str: ...
    @property
    def carrier(self) -> str: ...
    @property
    def ready(self) -> int: ...
    @property
    def due(self) -> int: ...


Item = TypeVar("Item", bound=Queued)


def slips(queue: Iterable[Item], tick: int, rates: Mapping[str, float]) -> Iterator[tuple[Item, float]]:
    """Each open order, oldest first, and by how many ticks it will miss its last tick to leave (negative: in time).

    An order waits for those before it at its warehouse and at its carrier, at the `rates` (orders a tick) of now.
    """
    ahead = dict.fromkeys(rates, 0)
    for order in queue:
        warehouse, carrier = order.warehouse, order.carrier
        ahead[warehouse] += 1
        ahead[carrier] += 1
        wait = max(ahead[warehouse] / rates[warehouse], ahead[carrier] / rates[carrier])
        yield order, max(order.ready, tick + wait) - order.due
