"""The calls of a plan: known tools, arguments that fit their schema, and values that somebody vouches for."""

from collections.abc import Iterator, Mapping, Sequence

from agents.planning.findings import Finding
from agents.planning.protocol import PlanningRequest
from agents.planning.provenance import trace
from contracts import Argument, Lane, Task
from tools import Catalogue, RefuseCommand


def check_calls(tasks: Sequence[Task], lane: Lane, request: PlanningRequest, catalogue: Catalogue) -> Iterator[Finding]:
    """Findings about every call, compensations included.

    In the deliberate lane every argument is traced anew (see `trace`): a value that only event payloads hold, or that
    comes from nowhere, is refused whatever source the planner claims for it; what a person typed is not traced. The
    other lanes take their arguments from the pack's author, so only a source that admits it is refused there.
    """
    for task in tasks:
        yield from _Call(task.ordinal, task.tool, task.arguments, "").check(lane, request, catalogue)
        if (undo := task.compensation) is not None:
            call = _Call(task.ordinal, undo.tool, undo.arguments, "compensation.")
            yield from call.check(lane, request, catalogue)


class _Call:
    def __init__(self, ordinal: int, tool: str, arguments: Mapping[str, Argument], field: str) -> None:
        self._ordinal = ordinal
        self._tool = tool
        self._arguments = arguments
        self._field = field

    def check(self, lane: Lane, request: PlanningRequest, catalogue: Catalogue) -> Iterator[Finding]:
        if self._tool not in catalogue:
            known = ", ".join(each.name for each in catalogue)
            problem = f"{self._field}tool: {self._tool!r} is not in the catalogue; known: {known}"
            yield Finding("unknown_tool", self._ordinal, problem)
            return
        tool = catalogue.get(self._tool)
        try:
            tool.validate({name: argument.value for name, argument in self._arguments.items()})
        except RefuseCommand as error:
            problem = f"{self._field}arguments: {error}; follow the tool's schema"
            yield Finding("wrong_arguments", self._ordinal, problem)
        schema = tool.schema
        for name, claimed in self._arguments.items():
            traced = claimed
            if lane == "deliberate" and claimed.source != "operator":
                traced = trace(name, claimed.value, schema, request)
            yield from self._provenance(name, traced)

    def _provenance(self, name: str, argument: Argument) -> Iterator[Finding]:
        where = f"{self._field}arguments.{name}: {argument.value!r}"
        if argument.source == "payload":
            rule = f"occurs only in text out of events ({argument.ref}), which may not fill an argument"
            advice = "use what the explanation or the signal names"
            yield Finding("payload_argument", self._ordinal, f"{where} {rule}; {advice}")
        elif argument.source == "model":
            rule = "comes from neither the explanation, the signal nor the tool's schema"
            yield Finding("untraceable_argument", self._ordinal, f"{where} {rule}; use one of these, or ask a person")
