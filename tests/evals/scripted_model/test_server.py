import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from evals.scripted_model import Cuts, Hangs, Refuses, Reply, Says, ScriptedModel, Sends, in_turn, plan_for_novel_retail
from prompts import data_block

FUNCTION = {"type": "function", "function": {"name": "answer", "parameters": {}}}


def post(model: ScriptedModel, timeout: float = 5.0, **body: Any) -> httpx.Response:
    asked = {"model": "m", "messages": [{"role": "user", "content": "hello"}]} | body
    return httpx.post(f"{model.base_url}/chat/completions", json=asked, timeout=timeout)


def chunks(response: httpx.Response) -> list[dict[str, Any]]:
    return [json.loads(line[6:]) for line in response.text.splitlines() if line.startswith("data: {")]


def test_an_answer_as_one_body() -> None:
    with ScriptedModel(in_turn(Says("fine"))) as model:
        plain = post(model).json()
        called = post(model, tools=[FUNCTION]).json()
    assert plain["choices"][0] == {
        "index": 0,
        "message": {"role": "assistant", "content": "fine"},
        "finish_reason": "stop",
    }
    assert plain["usage"] == {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
    assert called["choices"][0]["finish_reason"] == "tool_calls"
    assert called["choices"][0]["message"]["tool_calls"] == [
        {"id": "call_1", "type": "function", "function": {"name": "answer", "arguments": "fine"}}
    ]


def test_an_answer_in_pieces() -> None:
    with ScriptedModel(in_turn(Says("it is fine", pieces=4))) as model:
        response = post(model, stream=True, stream_options={"include_usage": True})
    *pieces, finish, usage = chunks(response)
    assert [piece["choices"][0]["delta"]["content"] for piece in pieces] == ["it i", "s fi", "ne"]
    assert finish["choices"][0]["finish_reason"] == "stop"
    assert usage["usage"]["total_tokens"] == 120
    assert response.text.endswith("data: [DONE]\n\n")


def test_a_clean_cut_looks_complete_and_an_unclean_one_does_not() -> None:
    with ScriptedModel(in_turn(Cuts("it is fine", 4), Cuts("it is fine", 4, clean=False))) as model:
        clean = post(model, stream=True)
        assert [chunk["choices"][0]["finish_reason"] for chunk in chunks(clean)] == [None]
        assert "[DONE]" not in clean.text
        with pytest.raises(httpx.RemoteProtocolError):
            post(model, stream=True)


def test_refusals_carry_their_header() -> None:
    with ScriptedModel(in_turn(Refuses(429, "7"), Refuses(500))) as model:
        first, second = post(model), post(model)
    assert (first.status_code, first.headers["retry-after"]) == (429, "7")
    assert second.status_code == 500
    assert "retry-after" not in second.headers


@pytest.mark.parametrize("reply", [Hangs(), Hangs("it is fine", 4)])
def test_what_hangs_ends_with_the_server(reply: Reply) -> None:
    with ScriptedModel(in_turn(reply)) as model, pytest.raises(httpx.ReadTimeout):
        post(model, timeout=0.05, stream=True)


def test_any_bytes_at_all() -> None:
    with ScriptedModel(in_turn(Sends(b"{", "application/json"))) as model:
        assert post(model).content == b"{"


def test_requests_are_kept_without_their_headers() -> None:
    with ScriptedModel(in_turn(Says("fine"))) as model:
        post(model, stream=True, tools=[FUNCTION])
        wrong = httpx.post(f"{model.base_url}/embeddings", json={}, timeout=5.0)
    assert wrong.status_code == 404
    (request,) = model.requests
    assert (request.text, request.stream, request.tools) == ("hello", True, [FUNCTION])
    assert "authorization" not in repr(request).lower()


def proposals(blocks: dict[str, Any]) -> Iterator[dict[str, Any]]:
    text = "\n\n".join(data_block(name, value) for name, value in blocks.items())
    with ScriptedModel(plan_for_novel_retail) as model:
        answer = post(model, messages=[{"role": "user", "content": text}]).json()
    yield from json.loads(answer["choices"][0]["message"]["content"])["tasks"]


def test_the_retail_script_switches_the_carrier_that_is_named() -> None:
    schema = {
        "properties": {
            "from_carrier": {"type": "string"},
            "to_carrier": {"$ref": "#/$defs/Carrier"},
            "note": {"type": "string"},
        },
        "required": ["from_carrier", "to_carrier"],
        "$defs": {"Carrier": {"enum": ["Cedar", "Birch"]}},
    }
    tools = [{"name": "switch_carrier", "arguments": schema, "risk": "low"}]
    causes = [{"attributes": [{"dimension": "carrier", "value": "Cedar"}]}]
    (task,) = proposals({"tools": tools, "explanation": {"causes": causes}})
    assert task["arguments"] == {"from_carrier": "Cedar", "to_carrier": "Birch"}
    assert list(proposals({"tools": tools, "explanation": {"causes": []}})) == []
    assert list(proposals({"tools": [], "explanation": {"causes": causes}})) == []
