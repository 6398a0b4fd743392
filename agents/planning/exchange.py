"""One bounded exchange with a chat model: deadline, retries, and every token that came back."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.runnables import Runnable
from tenacity import AsyncRetrying, RetryCallState, retry_if_result, stop_after_attempt, stop_before_delay

from agents.planning.faults import Fault, fault_of

Sleep = Callable[[float], Awaitable[None]]
Chat = Runnable[list[BaseMessage], Any]

_WHOLE = ("stop", "tool_calls", "function_call")


@dataclass(frozen=True, slots=True)
class ExchangeLimits:
    """Bounds of one exchange: seconds for all attempts together, attempts, first pause in seconds, characters back.

    The last is low on purpose: LangChain reads a function call's arguments again while they grow, and needs time that
    grows with the square of their length where they are no JSON (1 s for 16,000 characters, 5 s for 36,000).
    """

    deadline_s: float = 60.0
    attempts: int = 3
    first_pause_s: float = 0.5
    max_answer_chars: int = 16_000


@dataclass(slots=True)
class Answer:
    """What came back so far. `calls` holds the arguments of function calls by their index, `content` all other text."""

    content: str = ""
    calls: dict[int, str] = field(default_factory=dict)
    finish_reason: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None

    @property
    def text(self) -> str:
        return self.content + "".join(self.calls[index] for index in sorted(self.calls))

    @property
    def proposal(self) -> str:
        """The function call's arguments; without a call, the text."""
        return "".join(self.calls[index] for index in sorted(self.calls)) or self.content

    def add(self, chunk: AIMessageChunk) -> None:
        self.content += str(chunk.text)
        for call in chunk.tool_call_chunks:
            index = call["index"] or 0
            self.calls[index] = self.calls.get(index, "") + (call["args"] or "")
        self.finish_reason = chunk.response_metadata.get("finish_reason") or self.finish_reason
        if chunk.usage_metadata is not None:
            self.input_tokens = chunk.usage_metadata["input_tokens"]
            self.output_tokens = chunk.usage_metadata["output_tokens"]


class Exchange:
    """Asks once and keeps what came back in `answer`, also when it fails.

    Only an attempt of which nothing came back is repeated: a broken answer has been paid for already, and asking again
    would cost as much again. A pause follows `Retry-After`, else doubles from `first_pause_s`; a pause that would
    outlast the deadline ends the exchange at once.
    """

    def __init__(self, chat: Chat, messages: list[BaseMessage], limits: ExchangeLimits, sleep: Sleep) -> None:
        self.answer = Answer()
        self._chat = chat
        self._messages = messages
        self._limits = limits
        self._sleep = sleep

    async def run(self) -> Fault | None:
        """None when the model finished its answer; otherwise what went wrong."""
        limits = self._limits
        retrying = AsyncRetrying(
            sleep=self._sleep,
            stop=stop_after_attempt(limits.attempts) | stop_before_delay(limits.deadline_s),
            wait=self._pause,
            retry=retry_if_result(lambda fault: fault is not None and fault.passing and not self.answer.text),
            retry_error_callback=lambda state: state.outcome and state.outcome.result(),
        )
        try:
            async with asyncio.timeout(limits.deadline_s):
                fault: Fault | None = await retrying(self._attempt)
        except TimeoutError:
            return Fault(f"the model did not finish within {limits.deadline_s:g} seconds")
        return fault or self._unfinished()

    async def _attempt(self) -> Fault | None:
        self.answer = Answer()
        try:
            async with aclosing(self._chat.astream(self._messages)) as chunks:  # type: ignore[type-var]
                async for chunk in chunks:
                    self.answer.add(chunk)
                    if len(self.answer.text) > self._limits.max_answer_chars:
                        return Fault(f"the answer is longer than {self._limits.max_answer_chars} characters")
        except Exception as error:  # a client lets bare JSON and type errors through when the wire is malformed
            return fault_of(error)
        return None

    def _pause(self, state: RetryCallState) -> float:
        fault = state.outcome.result() if state.outcome else None
        told = fault.retry_after if fault else None
        return self._limits.first_pause_s * 2.0 ** (state.attempt_number - 1) if told is None else float(told)

    def _unfinished(self) -> Fault | None:
        reason = self.answer.finish_reason
        if reason is None:
            return Fault("the answer was cut off: it ends without a finish reason")
        if reason not in _WHOLE:
            return Fault(f"the answer is incomplete: the model stopped for {reason[:40]!r}")
        if len(self.answer.calls) > 1:
            return Fault(f"the model gave {len(self.answer.calls)} answers; one was asked for")
        return None
