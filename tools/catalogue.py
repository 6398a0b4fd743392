"""The tool catalogue: a typed function, its effect, and how to quote, reconcile and describe it."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from contracts import Effect, Risk
from tools.errors import RefuseCommand, WrongDeclaration

Result = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What a tool may know besides its arguments. `resources` are the pack's connectors, by name."""

    command_id: str
    now: int
    deadline: int
    value_ceiling: Decimal
    resources: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Quote:
    """What a call would touch, asked before a plan is gated; it changes nothing.

    `value` is the value at stake in the pack's currency; `detail` is shown to the person who approves.
    """

    value: Decimal
    feasible: bool = True
    reason: str = ""
    detail: Result = field(default_factory=dict)


ToolFunction = Callable[..., Awaitable[Result]]
QuoteFunction = Callable[..., Awaitable[Quote]]
ReconcileFunction = Callable[..., Awaitable[Result | None]]


class Tool:
    """A side effect with a name.

    Declared with `@forestall.tool(effect=...)` over `async def name(context, **arguments) -> dict`. `keyed`: the sink
    accepts `context.command_id` and applies it once. `reconcilable`: `@name.reconcile` asks the sink whether a command
    was applied, and returns its result or None. `opaque`: neither. `@name.quote` tells the value at stake. A result may
    say under `changed` how many things it changed: a plan whose commands all changed nothing gets no credit.

    Raises:
        WrongDeclaration: an effect or a risk that is none, a function that is not `async def`, or arguments that cannot
            be described.
    """

    def __init__(
        self, function: ToolFunction, *, effect: Effect, risk: Risk, title: str, announces: str | None
    ) -> None:
        _check_word(function, "effect", effect, get_args(Effect))
        _check_word(function, "risk", risk, get_args(Risk))
        _check_async(function, "")
        self.name = function.__name__
        self.title = title
        self.effect: Effect = effect
        self.risk: Risk = risk
        self.announces = announces
        self.description = inspect.cleandoc(function.__doc__ or title)
        self._call = function
        self._quote: QuoteFunction | None = None
        self._reconcile: ReconcileFunction | None = None
        self._arguments = _arguments_model(function)

    @property
    def quoted(self) -> bool:
        """Whether it can tell what a call would touch."""
        return self._quote is not None

    @cached_property
    def schema(self) -> dict[str, Any]:
        """JSON Schema of the arguments, made once; not to be changed."""
        return self._arguments.model_json_schema()

    def quote(self, function: QuoteFunction) -> QuoteFunction:
        _check_async(function, self.name)
        self._quote = function
        return function

    def reconcile(self, function: ReconcileFunction) -> ReconcileFunction:
        _check_async(function, self.name)
        self._reconcile = function
        return function

    def validate(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments, checked and with defaults filled in.

        Raises:
            RefuseCommand: names the tool, the argument, the value and the rule.
        """
        try:
            return self._arguments.model_validate(dict(arguments)).model_dump()
        except ValidationError as error:
            problem = error.errors()[0]
            where = ".".join(str(part) for part in problem["loc"]) or "arguments"
            raise RefuseCommand(f"{self.name}.{where}: {problem['input']!r}: {problem['msg']}") from error

    async def ask_quote(self, context: ToolContext, arguments: Mapping[str, Any]) -> Quote:
        """What the call would touch; a tool without a quote puts nothing at stake."""
        if self._quote is None:
            return Quote(value=Decimal(0))
        return await self._quote(context, **self.validate(arguments))

    async def ask_applied(self, context: ToolContext, arguments: Mapping[str, Any]) -> Result | None:
        """The result of `context.command_id` at the sink, or None when it was never applied there."""
        if self._reconcile is None:
            raise TypeError(f"{self.name}: effect {self.effect} cannot be asked; declare @{self.name}.reconcile")
        return await self._reconcile(context, **self.validate(arguments))

    async def call(self, context: ToolContext, arguments: Mapping[str, Any]) -> Result:
        """Run it. Only `tools.invoke` calls this."""
        return await self._call(context, **self.validate(arguments))


def _check_word(function: Callable[..., Any], field: str, value: object, known: tuple[str, ...]) -> None:
    """A word that nobody knows must not decide whether a call is made twice, or who is asked."""
    if value not in known:
        first, last = ", ".join(map(repr, known[:-1])), repr(known[-1])
        raise WrongDeclaration(function, field, f"must be {first} or {last}", value, known)


def _check_async(function: Callable[..., Any], of: str) -> None:
    """What is not awaited has had its effect by the time that its answer is refused."""
    if not inspect.iscoroutinefunction(function):
        what = f"of {of}, " if of else ""
        raise WrongDeclaration(function, "", f"{what}must be a coroutine; write async def")


def _arguments_model(function: ToolFunction) -> type[BaseModel]:
    parameters = list(inspect.signature(function, eval_str=True).parameters.values())
    if not parameters or parameters[0].name != "context":
        raise WrongDeclaration(function, "", "the first parameter must be `context`")
    fields: dict[str, Any] = {}
    for parameter in parameters[1:]:
        if parameter.annotation is inspect.Parameter.empty:
            raise WrongDeclaration(function, parameter.name, "annotate its type")
        required = parameter.default is inspect.Parameter.empty
        fields[parameter.name] = (parameter.annotation, ... if required else parameter.default)
    model: type[BaseModel] = create_model(
        f"{function.__name__}_arguments", __config__=ConfigDict(extra="forbid", frozen=True), **fields
    )
    return model


def tool(
    *, effect: Effect, risk: Risk = "medium", title: str = "", announces: str | None = None
) -> Callable[[ToolFunction], Tool]:
    """Declare a side effect; see `Tool`. `announces` is the type of the event that tells others of a success.

    Raises:
        WrongDeclaration: when it is applied; see `Tool`.
    """

    def declare(function: ToolFunction) -> Tool:
        return Tool(
            function, effect=effect, risk=risk, title=title or function.__name__.replace("_", " "), announces=announces
        )

    return declare


class Catalogue:
    """The tools of one pack, by name.

    Raises:
        WrongDeclaration: a tool is reconcilable and cannot be asked.
    """

    def __init__(self, tools: list[Tool]) -> None:
        self._tools = {each.name: each for each in tools}
        for each in tools:
            if each.effect == "reconcilable" and each._reconcile is None:
                raise WrongDeclaration(each._call, "", f"effect reconcilable needs @{each.name}.reconcile")

    def __iter__(self) -> Any:
        return iter(self._tools[name] for name in sorted(self._tools))

    def __contains__(self, name: str) -> bool:
        return name in self._tools

    def get(self, name: str) -> Tool:
        """Raises:
        RefuseCommand: no tool has that name.
        """
        if name not in self._tools:
            raise RefuseCommand(f"tool: {name!r} is not in the catalogue; known: {sorted(self._tools)}")
        return self._tools[name]
