"""The demo's timeline: the journal's events as lines, in virtual time, beside what really went wrong."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from evals import Trouble
from forestall.cli.screen import STYLES, print_hanging
from forestall.trace import Happening, Teller, moment, telling_at
from forestall.trace.wording import day_of
from ledger import Ledger

PLAYED = "demo-operator"
UNTOLD = frozenset({"mode.changed", "command.issued", "approval.requested", "decision.recall"})
"""What a demo's line beside it says already."""
WORD_WIDTH = 11


class Timeline:
    """What is new in the journal, tick after tick, and a bar of virtual days below it on a terminal."""

    def __init__(
        self, console: Console, troubles: tuple[Trouble, ...], *, quiet: bool = False, interactive: bool = False
    ) -> None:
        self.console, self._quiet, self._interactive = console, quiet, interactive
        self._troubles = list(troubles)
        self._teller = Teller()
        self._day = ""
        self._lines = 0
        self._days: list[str] = []
        columns = (SpinnerColumn(), TextColumn("[dim]{task.description}"), TimeElapsedColumn())
        self._progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._progress.add_task("getting ready")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
        if kind is None:
            self._end_day()

    def pause(self) -> None:
        """Clear the way for a question."""
        self._progress.stop()

    def go_on(self) -> None:
        self._progress.start()

    def begin(self, headline: str) -> None:
        """What is going to be seen."""
        if self._quiet:
            return
        self.console.print(Text.assemble(("Forestall", "bold"), f" · {headline}"))
        who = "You are the operator." if self._interactive else "The demo plays the operator, too."
        world = "The shop and its time are simulated; broker, ledger, graphs and tools are the real ones."
        for line in (world, who, ""):
            print_hanging(self.console, Text(), Text(line, "dim"))

    def tick(self, now: int) -> None:
        """The world has moved on to this instant; a day on which nothing was told is told as such."""
        day = day_of(now - 1)
        if self._days and self._days[-1] != day:
            self._end_day()
        if not self._days or self._days[-1] != day:
            self._days.append(day)
        self._progress.update(self._task, description=f"day {len(self._days)} · {moment(now)}")

    def _end_day(self) -> None:
        if self._days and not self._quiet and self._days[-1] != self._day:
            self._day = self._days[-1]
            if self._lines:
                self.console.print()
            self._lines = 0
            self.console.print(Text.assemble((self._day, "bold"), ("  nothing to notice", "dim")))

    async def tell(self, ledger: Ledger, now: int) -> None:
        """Every line that is new at this instant."""
        if self._quiet:
            return
        while self._troubles and self._troubles[0].onset <= now:
            self._print_trouble(self._troubles.pop(0))
        with telling_at(now):
            for found in await self._teller.new(ledger):
                if found.kind not in UNTOLD:
                    self._print_happening(found)

    def _print_trouble(self, trouble: Trouble) -> None:
        self._line(trouble.onset, "trouble", f"{trouble.what} fails, in truth; nobody tells Forestall", "magenta")

    def _print_happening(self, found: Happening) -> None:
        text = found.text
        if found.kind in ("approval.granted", "approval.denied", "standing_approval.granted") and PLAYED in text:
            text = text.replace(PLAYED, f"{PLAYED}, played by the demo", 1)
        self._line(found.at, found.word, text, STYLES[found.tone])

    def _line(self, at: int, word: str, text: str, style: str) -> None:
        if (day := day_of(at)) != self._day:
            self._day = day
            if len(self._days) > 1:
                self.console.print()
            self.console.print(Text(day, style="bold"))
        self._lines += 1
        head = Text.assemble((moment(at, day=False), "dim"), "  ", (f"{word:<{WORD_WIDTH}}", style or "bold"), "  ")
        print_hanging(self.console, head, Text(text))
