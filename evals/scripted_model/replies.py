"""What a scripted model may do with a request, faults included."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One request as it came in; headers, and with them the API key, are not kept."""

    body: dict[str, Any]

    @property
    def messages(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.body["messages"]
        return found

    @property
    def tools(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.body.get("tools", [])
        return found

    @property
    def stream(self) -> bool:
        return bool(self.body.get("stream", False))

    @property
    def text(self) -> str:
        """All that was said, in order."""
        return "\n".join(str(message.get("content") or "") for message in self.messages)


@dataclass(frozen=True, slots=True)
class Says:
    """A whole answer. As a function call when the request offers a function and `as_call` allows it, else as text.

    `pieces` is the number of characters in one streamed piece. With `finish_reason` None none is sent.
    """

    text: str
    finish_reason: str | None = "stop"
    as_call: bool = True
    input_tokens: int = 100
    output_tokens: int = 20
    pieces: int = 16


def says(answer: dict[str, Any], **changes: Any) -> Says:
    """An answer in JSON."""
    return Says(json.dumps(answer), **changes)


@dataclass(frozen=True, slots=True)
class Refuses:
    """A status such as 429 or 500; `retry_after` in seconds, or whatever text the header should hold."""

    status: int
    retry_after: str | None = None
    message: str = "refused"


@dataclass(frozen=True, slots=True)
class Hangs:
    """Never answers; with `after` characters of `text` sent first. It ends when the server closes."""

    text: str = ""
    after: int = 0


@dataclass(frozen=True, slots=True)
class Cuts:
    """Sends the first `after` characters and ends the stream; `clean` as if it were complete, else mid-body."""

    text: str
    after: int
    clean: bool = True


@dataclass(frozen=True, slots=True)
class Sends:
    """These very bytes as the body, whatever they mean."""

    body: bytes
    content_type: str = "text/event-stream"


Reply = Says | Refuses | Hangs | Cuts | Sends
Script = Callable[[ModelRequest], Reply]


def in_turn(*replies: Reply) -> Script:
    """A script of one reply after another; the last one repeats. Not for concurrent requests."""
    rest = iter(replies)

    def script(_: ModelRequest) -> Reply:
        return next(rest, replies[-1])

    return script
