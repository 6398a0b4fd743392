"""What a person says about the sample instead of leaving it to be guessed."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from contracts import SECOND, format_duration, parse_duration, zone_of
from forestall.newpack.columns import Column
from forestall.newpack.errors import WishFault


@dataclass(frozen=True, slots=True)
class Wishes:
    """Columns by their path. A measure is `COLUMN` (its mean), `COLUMN=VALUE,VALUE` (events that hold one) or `count`.

    `pane` is a duration such as 15m, `zone` an IANA name or an offset.
    """

    time: str | None = None
    id: str | None = None
    type: str | None = None
    unit: str | None = None
    measures: tuple[str, ...] = ()
    pane: str | None = None
    zone: str | None = None

    @property
    def pane_micros(self) -> int | None:
        return None if self.pane is None else parse_duration(self.pane)


COUNT = "count"


def check_wishes(wishes: Wishes) -> None:
    """What can be told without the sample.

    Raises:
        WishFault: the zone is unknown, or the pane is no duration or shorter than a second.
    """
    try:
        if wishes.zone is not None:
            zone_of(wishes.zone)
    except ValueError as error:
        raise WishFault(f"--zone: {error}") from error
    try:
        pane = wishes.pane_micros
    except ValueError as error:
        raise WishFault(f"--pane: {error}") from error
    if pane is not None and pane < SECOND:
        raise WishFault(f"--pane: {format_duration(pane)}: at least 1s")


def check_columns(wishes: Wishes, columns: Sequence[Column]) -> None:
    """Do the columns that it names exist?

    Raises:
        WishFault: one does not; the message names near ones.
    """
    known = [each.path for each in columns if each.kind != "nested"]
    for option, path in (("time", wishes.time), ("id", wishes.id), ("type", wishes.type), ("unit", wishes.unit)):
        if path is not None and path not in known:
            raise unknown_column(option, path, known)


def unknown_column(option: str, path: str, known: Sequence[str]) -> WishFault:
    near = difflib.get_close_matches(path, known, n=1, cutoff=0.6)
    hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(known[:20])}"
    return WishFault(f"--{option} {path}: the sample has no such column; {hint}")
