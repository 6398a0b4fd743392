"""A reflex acts only where the table, a person and the switches all allow it."""

from decimal import Decimal
from typing import Any

import pytest

from contracts import DAY, Autonomy, StandingApproval
from governance import rule_on_reflex

NOW = 1_000 * DAY
TABLE = Autonomy.model_validate({"rules": [{"tool": "block", "up_to": "100", "may": "alone"}, {"tool": "mail"}]})


def leave(**changes: Any) -> StandingApproval:
    given: dict[str, Any] = {
        "id": "sta-1",
        "pack": "shop",
        "tenant": "default",
        "template": "reflex.block_card@1",
        "value_ceiling": Decimal(50),
        "granted_by": "ada",
        "granted_at": NOW - DAY,
        "expires_at": NOW + DAY,
        "because_of": "rfx-1",
    }
    return StandingApproval.model_validate(given | changes)


def ruling(*standing: StandingApproval, **changes: Any) -> tuple[str, str]:
    asked: dict[str, Any] = {
        "template": "reflex.block_card@1",
        "tool": "block",
        "value": Decimal(20),
        "autonomy": TABLE,
        "mode": "act",
        "frozen": False,
        "standing": standing,
        "now": NOW,
    }
    found = rule_on_reflex(**(asked | changes))
    return found.ruling, found.authority or found.reason


def test_with_everything_it_acts_under_the_persons_leave() -> None:
    assert ruling(leave()) == ("act", "standing:sta-1")


@pytest.mark.parametrize(
    ("standing", "changes", "found", "says"),
    [
        ([], {}, "refused", "was never given"),
        ([{"revoked_at": NOW}], {}, "refused", "was revoked or has expired"),
        ([{"expires_at": NOW}], {}, "refused", "was revoked or has expired"),
        ([{"granted_at": NOW + 1}], {}, "refused", "was revoked or has expired"),
        ([{"template": "reflex.block_card@2"}], {}, "refused", "was never given"),
        (
            [{"template": "reflex.block_card@1:0000"}],
            {"template": "reflex.block_card@1:1111"},
            "refused",
            "was changed",
        ),
        ([{"value_ceiling": Decimal(19)}], {}, "refused", "above every standing approval"),
        ([{}], {"value": Decimal(101)}, "refused", "no rule covers it"),
        ([{}], {"tool": "mail"}, "refused", "says approve"),
        ([{}], {"tool": "call"}, "refused", "no rule covers it"),
        ([{}], {"mode": "observe"}, "observe", "does nothing"),
        ([{}], {"frozen": True}, "refused", "frozen"),
    ],
)
def test_each_of_them_alone_can_stop_it(
    standing: list[dict[str, Any]], changes: dict[str, Any], found: str, says: str
) -> None:
    told = ruling(*(leave(**each) for each in standing), **changes)
    assert told[0] == found
    assert says in told[1]
