"""The deliberate lane: a chat model proposes, rules decide."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage, SystemMessage
from pydantic import SecretStr

from agents.planning.answer import FUNCTION, ProposedPlan, ProposedTask, answer_function, parse_answer
from agents.planning.briefing import brief
from agents.planning.errors import PersonNeeded
from agents.planning.exchange import Answer, Exchange, ExchangeLimits, Sleep
from agents.planning.protocol import Draft, PlanningRequest, highest_risk
from agents.planning.provenance import trace
from contracts import SECOND, ModelUse, Task
from prompts import Prompt, PromptError, Words

_MILLION = Decimal(1_000_000)
_MAX_REASON_CHARS = 2_000


@dataclass(frozen=True, slots=True)
class TokenPrices:
    """Price of a million tokens, in the currency in which model costs are booked."""

    input_per_million: Decimal
    output_per_million: Decimal


@dataclass(frozen=True, slots=True)
class ModelLimits:
    """Bounds of the model lane. `task_timeout_s` is given to every task, for a model sets no timeouts."""

    exchange: ExchangeLimits = field(default_factory=ExchangeLimits)
    max_tasks: int = 8
    task_timeout_s: int = 600


class ModelPlanner:
    """Asks an injected chat model for a plan under a versioned prompt.

    The model sees data blocks and one function to call; it is given no tool to run. Its answer is validated here, the
    provenance of every argument is found here, its risk can only raise that of the tool, and its tasks run one after
    another. What comes out is a draft that `check` still has to pass.
    """

    def __init__(
        self,
        chat_model: BaseChatModel,
        prompt: Prompt,
        limits: ModelLimits | None = None,
        *,
        prices: TokenPrices | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._chat_model = chat_model
        self._prompt = prompt
        self._limits = limits or ModelLimits()
        self._prices = prices
        self._sleep = sleep

    async def propose(self, request: PlanningRequest) -> Draft:
        """Raises:
        PersonNeeded: the endpoint failed or was too slow, the answer was cut off or has the wrong form, proposes
            nothing, too much, or a tool that does not exist. `use` holds whatever came back.
        """
        seconds_left = (request.deadline - request.now) / SECOND
        if seconds_left <= 0:
            raise PersonNeeded("the incident's deadline has passed; the model was not asked")
        try:
            words = brief(self._prompt, request)
        except PromptError as error:
            raise PersonNeeded(f"the model was not asked: {error}") from None
        limits = self._limits.exchange
        exchange = Exchange(
            self._chat_model.bind_tools([answer_function(request.tools, self._limits.max_tasks)], tool_choice=FUNCTION),
            [SystemMessage(words.system), HumanMessage(words.user)],
            replace(limits, deadline_s=min(limits.deadline_s, seconds_left)),
            self._sleep,
        )
        fault = await exchange.run()
        use = self._use(words, exchange.answer)
        if fault is not None:
            raise PersonNeeded(fault.reason, use)
        return self._draft(request, self._read(exchange.answer, use), use)

    def _read(self, answer: Answer, use: ModelUse) -> ProposedPlan:
        try:
            return parse_answer(_without(_secrets(self._chat_model), answer.proposal))
        except ValueError as error:
            raise PersonNeeded(f"the model's answer {error}", use) from None

    def _draft(self, request: PlanningRequest, proposed: ProposedPlan, use: ModelUse) -> Draft:
        rationale = proposed.rationale[:_MAX_REASON_CHARS]
        if not proposed.tasks:
            raise PersonNeeded(f"the model proposes no tasks: {rationale or 'no rationale given'}", use)
        if len(proposed.tasks) > self._limits.max_tasks:
            problem = f"the model proposes {len(proposed.tasks)} tasks; at most {self._limits.max_tasks} are allowed"
            raise PersonNeeded(problem, use)
        tasks = tuple(self._task(request, ordinal, task, use) for ordinal, task in enumerate(proposed.tasks, 1))
        reasons = [f"{ordinal}. {task.tool}: {task.reason}" for ordinal, task in enumerate(proposed.tasks, 1)]
        return Draft(
            tasks=tasks,
            lane="deliberate",
            template=self._prompt.label,
            reason="\n".join([rationale, *reasons])[:_MAX_REASON_CHARS],
            confidence=proposed.confidence,
            model=use,
        )

    def _task(self, request: PlanningRequest, ordinal: int, proposed: ProposedTask, use: ModelUse) -> Task:
        card = request.card(proposed.tool)
        if card is None:
            raise PersonNeeded(f"the model proposes {proposed.tool[:80]!r}, which is not in the catalogue", use)
        return Task(
            ordinal=ordinal,
            tool=card.name,
            arguments={name: trace(name, value, card.schema, request) for name, value in proposed.arguments.items()},
            risk=highest_risk([proposed.risk, card.risk]),
            timeout_s=self._limits.task_timeout_s,
            depends_on=(ordinal - 1,) if ordinal > 1 else (),
        )

    def _use(self, words: Words, answer: Answer) -> ModelUse:
        model: Any = getattr(self._chat_model, "model_name", None) or type(self._chat_model).__name__
        return ModelUse(
            model=str(model),
            prompt=self._prompt.label,
            prompt_digest=words.digest,
            answer=_without(_secrets(self._chat_model), answer.text),
            finish_reason=answer.finish_reason,
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
            cost=self._cost(answer),
        )

    def _cost(self, answer: Answer) -> Decimal | None:
        if self._prices is None or answer.input_tokens is None or answer.output_tokens is None:
            return None
        spent = answer.input_tokens * self._prices.input_per_million
        return (spent + answer.output_tokens * self._prices.output_per_million) / _MILLION


def _secrets(chat_model: BaseChatModel) -> Sequence[str]:
    found = (value.get_secret_value() for value in vars(chat_model).values() if isinstance(value, SecretStr))
    return [secret for secret in found if secret]


def _without(secrets: Sequence[str], text: str) -> str:
    """An endpoint knows the key that it was sent, and might say it back."""
    for secret in secrets:
        text = text.replace(secret, "[secret]")
    return text
