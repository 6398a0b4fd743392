"""A partition's clock as it is stored."""

import msgspec

from agents.monitoring import PartitionClock


def test_a_place_in_an_old_pulsar_is_kept_whole() -> None:
    """Its ledgers' numbers reach tens of millions, so that the place needs more than 64 bits."""
    clock = PartitionClock(position=(40_000_000 << 48) | (49_999 << 16) | 999)
    assert PartitionClock.from_doc(msgspec.json.decode(msgspec.json.encode(clock.to_doc()))) == clock
