"""SIGTERM and Ctrl-C."""

import asyncio
import logging
import signal

_log = logging.getLogger("forestall.run")


class Halt:
    """SIGTERM or Ctrl-C: what is under way is ended, what is held is given back. A second one stops at once."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.interrupted = False
        self._loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._halt, number)

    def _halt(self, number: signal.Signals) -> None:
        _log.info("%s: stopping when what is under way has ended", number.name)
        self.interrupted = number is signal.SIGINT
        self.stop.set()
        for each in (signal.SIGTERM, signal.SIGINT):
            self._loop.remove_signal_handler(each)

    async def within(self, seconds: float) -> bool:
        """Whether it is to stop; waits for that so long."""
        try:
            async with asyncio.timeout(seconds):
                await self.stop.wait()
        except TimeoutError:
            pass
        return self.stop.is_set()
