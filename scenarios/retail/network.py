"""The shop's network: warehouses, carriers, lanes, and what is bought how often. Money is in pence."""

from dataclasses import dataclass

from scenarios.retail.settings import TICKS_PER_DAY, TICKS_PER_HOUR

ORDERS_PER_HOUR = 23.0
"""Mean over a day."""
HANDLING_TICKS = 8 * TICKS_PER_HOUR
"""Picking and packing: no order leaves earlier after it was placed."""
SLACK = 2.0
"""Capacity of every warehouse and carrier, as a multiple of its mean load."""
DEGRADED = 0.1
"""What is left of the capacity of a warehouse or carrier in trouble."""

WAREHOUSES = {"A": 0.32, "B": 0.24, "C": 0.27, "D": 0.17}
"""Share of the orders. The router balances load, so that a country says nothing about the warehouse."""
CARRIERS = {"northline": 0.30, "parcelwing": 0.30, "swiftpost": 0.40}
COUNTRIES = {"GB": 0.50, "FR": 0.15, "DE": 0.15, "IE": 0.10, "NL": 0.10}
PAYMENTS = {"card": 0.40, "wallet": 0.35, "invoice": 0.25}
CATEGORIES = {"kitchen": 0.25, "toys": 0.20, "garden": 0.20, "lighting": 0.20, "furniture": 0.15}
MEAN_VALUE = {"kitchen": 5500, "toys": 3500, "garden": 9000, "lighting": 7500, "furniture": 21000}


@dataclass(frozen=True, slots=True)
class Lane:
    """From a warehouse to a country: pence a parcel, and days under way."""

    cost: int
    days: int


_LANES = {
    "A": {"GB": (320, 1), "FR": (780, 2), "DE": (820, 2), "IE": (540, 2), "NL": (760, 2)},
    "B": {"GB": (350, 1), "FR": (740, 2), "DE": (860, 2), "IE": (610, 2), "NL": (720, 2)},
    "C": {"GB": (390, 1), "FR": (800, 2), "DE": (840, 2), "IE": (480, 2), "NL": (810, 2)},
    "D": {"GB": (430, 1), "FR": (690, 2), "DE": (770, 2), "IE": (660, 2), "NL": (650, 2)},
}
LANES = {(origin, country): Lane(*lane) for origin, lanes in _LANES.items() for country, lane in lanes.items()}


def normal_rate(share: float) -> float:
    """Orders a tick that a warehouse or carrier with this share of the load can handle."""
    return SLACK * share * ORDERS_PER_HOUR / TICKS_PER_HOUR


def stock_level(warehouse: str, category: str, stock_days: float) -> int:
    """Units to which a warehouse's stock is filled up every morning (a base-stock policy)."""
    demand = WAREHOUSES[warehouse] * CATEGORIES[category] * ORDERS_PER_HOUR / TICKS_PER_HOUR * TICKS_PER_DAY
    return max(1, round(demand * stock_days))


def activity(hour: int) -> float:
    """Orders in this hour of the day, as a multiple of the mean: quiet from midnight to 7, busy from 10 to 22."""
    return 0.65 if hour < 7 else 0.95 if hour < 10 else 1.2 if hour < 22 else 0.95
