"""Events that came too late to be counted are told: now and then in the log, and in `forestall status`."""

import logging
from pathlib import Path

import pytest

from contracts import MINUTE
from forestall.cli.app import run
from forestall.cli.ledgers import change
from forestall.packs import load_pack
from forestall.service.late import AGAIN, Late
from forestall.service.streams import Stream
from ledger import SqliteLedger

PARCELS = Path(__file__).parents[1] / "packs" / "parcels"


class _Clock:
    time = 1_000 * MINUTE

    def now(self) -> int:
        return self.time


async def test_what_came_too_late_is_told_at_once_and_then_now_and_then(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ledger, clock = SqliteLedger(tmp_path / "ledger.db"), _Clock()
    late = Late(ledger, [Stream("parcels", load_pack(PARCELS).manifest.streams[0])], clock)

    async def came(number: int) -> list[str]:
        await ledger.transact("test", lambda tx: tx.docs.count("monitor:parcels:late", number))
        caplog.clear()
        await late.look()
        return [record.getMessage().split(" came")[0] for record in caplog.records]

    with caplog.at_level(logging.INFO, "forestall.run"):
        assert await came(5) == []  # of another run
        assert await came(2) == ["parcels: 2 events"]
        assert await came(3) == []
        clock.time += AGAIN
        assert await came(1) == ["parcels: 4 events"]
        assert await came(0) == []
    await ledger.close()


def test_status_tells_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(tmp_path, "test", lambda tx: tx.docs.count("monitor:parcels:late", 7), make=True)
    assert run(["status", "--home", str(tmp_path)]) == 0
    assert "too late       7 events came when their pane was closed" in capsys.readouterr().out
