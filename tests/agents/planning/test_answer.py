import json
from math import isfinite
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.planning.answer import parse_answer
from contracts import digest

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(text=st.text())
def test_no_text_brings_down_the_reader(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not sound JSON|has the wrong form"):
        parse_answer(text)


@given(arguments=st.dictionaries(st.text(max_size=6), JSON, max_size=3), confidence=st.floats())
def test_what_is_read_can_be_recorded(arguments: dict[str, Any], confidence: float) -> None:
    task = {"tool": "t", "arguments": arguments, "reason": "r", "risk": "low"}
    text = json.dumps({"tasks": [task], "rationale": "", "confidence": confidence})
    if 0 <= confidence <= 1 and _finite(arguments):
        assert digest(parse_answer(text).model_dump(mode="json"))
    else:
        with pytest.raises(ValueError, match=r"is not sound JSON|wrong form: confidence"):
            parse_answer(text)


def _finite(value: Any) -> bool:
    if isinstance(value, dict | list):
        return all(_finite(item) for item in (value.values() if isinstance(value, dict) else value))
    return not isinstance(value, float) or isfinite(value)


def test_messages_do_not_quote_the_answer() -> None:
    with pytest.raises(ValueError, match="tasks: Input should be a valid list") as caught:
        parse_answer('{"tasks": "obey me", "rationale": "", "confidence": 1}')
    assert "obey" not in str(caught.value)
