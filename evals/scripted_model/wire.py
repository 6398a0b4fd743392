"""OpenAI's chat-completions wire: bodies and server-sent events of an answer."""

import json
from collections.abc import Iterator
from typing import Any

from evals.scripted_model.replies import ModelRequest, Says

_ID = "chatcmpl-scripted"


def completion(request: ModelRequest, reply: Says) -> bytes:
    """The body of an answer that is not streamed."""
    message = {"role": "assistant", "content": None} | _part(request, reply, reply.text, first=True)
    choice = {"index": 0, "message": message, "finish_reason": _finish(request, reply)}
    for call in message.get("tool_calls") or ():
        call.pop("index")
    return json.dumps(_head(request, "chat.completion") | {"choices": [choice], "usage": _usage(reply)}).encode()


def events(request: ModelRequest, reply: Says) -> Iterator[bytes]:
    """The server-sent events of a streamed answer: pieces, the finish reason, usage where asked for, and the end."""
    yield from pieces(request, reply, len(reply.text))
    if (reason := _finish(request, reply)) is not None:
        yield _event(request, {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
    if (request.body.get("stream_options") or {}).get("include_usage"):
        yield _event(request, {"choices": [], "usage": _usage(reply)})
    yield b"data: [DONE]\n\n"


def pieces(request: ModelRequest, reply: Says, until: int) -> Iterator[bytes]:
    """The events of the first `until` characters."""
    for start in range(0, until, reply.pieces):
        text = reply.text[start : min(start + reply.pieces, until)]
        delta = {"role": "assistant"} | _part(request, reply, text, first=start == 0)
        yield _event(request, {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})


def _part(request: ModelRequest, reply: Says, text: str, *, first: bool) -> dict[str, Any]:
    if not (request.tools and reply.as_call):
        return {"content": text}
    function = {"arguments": text} | ({"name": request.tools[0]["function"]["name"]} if first else {})
    head = {"id": "call_1", "type": "function"} if first else {}
    return {"tool_calls": [{"index": 0, "function": function} | head]}


def _finish(request: ModelRequest, reply: Says) -> str | None:
    called = request.tools and reply.as_call
    return "tool_calls" if called and reply.finish_reason == "stop" else reply.finish_reason


def _head(request: ModelRequest, kind: str) -> dict[str, Any]:
    return {"id": _ID, "object": kind, "created": 0, "model": request.body.get("model", "scripted")}


def _usage(reply: Says) -> dict[str, int]:
    total = reply.input_tokens + reply.output_tokens
    return {"prompt_tokens": reply.input_tokens, "completion_tokens": reply.output_tokens, "total_tokens": total}


def _event(request: ModelRequest, body: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(_head(request, "chat.completion.chunk") | body).encode() + b"\n\n"
