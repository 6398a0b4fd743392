"""The execution graph: authorise, claim, run, record one command. What a crash interrupted is judged by its effect."""

import asyncio
import logging
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from contracts import SECOND, Command, Decision, Outcome, OutcomeStatus, announcement, canonical, own_event
from governance import Frozen, Refused, frozen, mint
from graphs.in_flight import InFlight
from graphs.segment import decision_event
from graphs.services import PackRuntime, Services
from ledger import Claim, Fenced, Transaction, record
from tools import AskPerson, Grant, NothingDone, RefuseCommand, RetryLater

MAX_ATTEMPTS = 3
"""Calls a command gets, across restarts, when the tool says that nothing was done and that it may try again."""
BACKOFF_MICROS = 30 * SECOND
"""Before the second attempt; doubles with each further one."""
RETRYABLE = frozenset({"keyed", "reconcilable"})
"""The effects under which a call that may have happened is made again. Under any other word it is a person's."""
RESULT_MAX_BYTES = 65_536
"""What is kept of a tool's result, as canonical JSON."""
ERROR_MAX_CHARACTERS = 2_000
_log = logging.getLogger("forestall.execution")
Next = Literal["run", "record", "end"]


class ExecutionState(TypedDict, total=False):
    command: dict[str, Any]
    outcome: dict[str, Any]
    next: Next


@dataclass(slots=True)
class Execution:
    """What one pass works with; the claim lives in the ledger, nothing here survives.

    `doubtful`: the command's effect may have happened, in this pass or before it.
    """

    services: Services
    pack: PackRuntime
    now: int
    claim: Claim | None = None
    grant: Grant | None = None
    refused: str = ""
    doubtful: bool = False


async def authorise(state: ExecutionState, runtime: Runtime[Execution]) -> ExecutionState:
    """Authorise and claim in one transaction: no claim without leave, no leave that is older than the claim."""
    work = runtime.context
    command = Command.model_validate(state["command"])

    def claim(tx: Transaction) -> Next:
        try:
            work.grant = mint(tx, command, work.now)
        except Frozen:
            return "end"
        except Refused as problem:
            work.refused = str(problem)
        work.claim = tx.commands.claim(command.id, work.services.owner, work.now)
        if work.claim is None:
            return "end"
        work.doubtful = work.claim.interrupted
        if work.grant is None:
            if work.doubtful:
                return "run"  # it may have run while it still had leave
            _record(tx, work, _outcome(command, "refused", error=work.refused))
            return "end"
        semantic = {"tool": command.tool, "arguments": command.arguments, "authority": command.authority}
        _decide(tx, work, command, 0, "authorise", f"{command.tool}: granted by {command.authority}", semantic)
        return "run"

    return {"next": await work.services.ledger.transact("command:claim", claim)}


async def run(state: ExecutionState, runtime: Runtime[Execution]) -> ExecutionState:  # noqa: ARG001
    """Call the tool, or find out what an interrupted call did."""
    work = runtime.context
    claim = work.claim
    assert claim is not None
    if await work.services.ledger.read(frozen) is not None:
        await work.services.ledger.transact(
            "command:release",
            lambda tx: tx.commands.release(claim, work.now, doubtful=work.doubtful, counted=False),
        )
        return {"next": "end"}
    outcome = await _effect(claim, work)
    if outcome is None:
        again = work.now + BACKOFF_MICROS * 2 ** (claim.attempts - 1)
        await work.services.ledger.transact(
            "command:retry", lambda tx: tx.commands.release(claim, again, doubtful=work.doubtful)
        )
        return {"next": "end"}
    return {"outcome": outcome.to_json(), "next": "record"}


async def _effect(claim: Claim, work: Execution) -> Outcome | None:
    """The outcome, or None to try again later."""
    command, retryable = claim.command, claim.effect in RETRYABLE
    try:
        if claim.interrupted and claim.effect == "reconcilable":
            found = await asyncio.wait_for(work.pack.toolbox.applied(command), command.timeout_s)
            if found is not None:
                return _outcome(command, "succeeded", _kept(found))
            work.doubtful = False
        if work.doubtful and (not retryable or work.grant is None):
            raise AskPerson(f"an earlier call was interrupted, and nobody can be asked what it did. {work.refused}")
        if work.grant is None:
            raise RefuseCommand(work.refused)
        result = await asyncio.wait_for(work.pack.toolbox.invoke(command, work.grant), command.timeout_s)
        return _outcome(command, "succeeded", _kept(result))
    except RefuseCommand as problem:
        return _outcome(command, "unknown" if work.doubtful else "refused", error=str(problem))
    except NothingDone as problem:
        return _outcome(command, "failed", error=str(problem))
    except AskPerson as problem:
        return _outcome(command, "unknown", error=str(problem).strip())
    except RetryLater as problem:
        return _later(claim, str(problem), "unknown" if work.doubtful else "failed")
    except Exception as problem:
        # A tool's own fault or a timeout: the effect may have happened.
        work.doubtful = True
        _log.warning("%s %s: %s: %s", command.tool, command.id, type(problem).__name__, problem)
        text = f"{type(problem).__name__}: {problem}"
        return _later(claim, text, "unknown") if retryable else _outcome(command, "unknown", error=text)


def _kept(result: object) -> dict[str, Any]:
    """The result as it is kept: the effect has happened, so an answer that cannot be kept must not fail the command."""
    try:
        if isinstance(result, dict) and len(canonical(result)) <= RESULT_MAX_BYTES:
            return result
        why = f"{type(result).__name__}; at most {RESULT_MAX_BYTES} bytes of a JSON object are kept"
    except (TypeError, ValueError, RecursionError) as problem:
        why = f"no JSON: {problem}"
    return {} if result is None else {"not_kept": why[:200]}


def _later(claim: Claim, text: str, last: OutcomeStatus) -> Outcome | None:
    if claim.attempts < MAX_ATTEMPTS:
        return None
    return _outcome(claim.command, last, error=f"{text} ({claim.attempts} attempts)")


async def keep(state: ExecutionState, runtime: Runtime[Execution]) -> ExecutionState:
    """Record the outcome, tell the incident, publish."""
    work = runtime.context
    outcome = Outcome.model_validate(state["outcome"])
    await work.services.ledger.transact("command:record", lambda tx: _record(tx, work, outcome))
    return {"next": "end"}


def _record(tx: Transaction, work: Execution, outcome: Outcome) -> None:
    claim = work.claim
    assert claim is not None
    command = claim.command
    tx.commands.record(claim, outcome)
    semantic = {"status": outcome.status, "result": outcome.result, "error": outcome.error}
    _decide(tx, work, command, 1, "record", f"{command.tool} {outcome.status}", semantic)
    event = own_event(
        f"command.{outcome.status}",
        outcome.to_json() | {"tool": command.tool},
        about=(command.id,),
        time=work.now,
        incident=command.incident_id,
        tenant=command.tenant,
    )
    record(tx, work.services.routing, event)
    announced = work.pack.catalogue.get(command.tool).announces if outcome.status == "succeeded" else None
    if announced is not None:
        told = announcement(
            announced,
            outcome.result,
            about=(command.id,),
            time=work.now,
            incident=command.incident_id,
            cause=event.id,
            tenant=command.tenant,
        )
        record(tx, work.services.routing, told)
    mail = {"kind": "outcome", "outcome": outcome.to_json()}
    if tx.runs.get(command.incident_id) is not None:  # a reflex has no run that waits
        tx.runs.post(command.incident_id, f"outcome:{command.id}", mail)


def _outcome(
    command: Command, status: OutcomeStatus, result: dict[str, Any] | None = None, error: str | None = None
) -> Outcome:
    return Outcome(
        command_id=command.id,
        incident_id=command.incident_id,
        status=status,
        result=result or {},
        error=error and error[:ERROR_MAX_CHARACTERS],
    )


def _decide(
    tx: Transaction,
    work: Execution,
    command: Command,
    step: int,
    node: str,
    summary: str,
    semantic: dict[str, Any],
) -> None:
    decision = Decision(
        incident_id=command.incident_id,
        graph="execution",
        subject=f"{command.ordinal}:{command.id}",
        step=step,
        node=node,
        summary=summary,
        semantic=semantic,
        at=work.now,
        worker=work.services.owner,
    )
    record(tx, work.services.routing, decision_event(decision, command.tenant))


class Executor:
    """Runs every command that may run, so many at a time as the services say."""

    def __init__(self, services: Services) -> None:
        self._services = services
        graph = StateGraph(ExecutionState, context_schema=Execution)
        graph.add_node("authorise", authorise)
        graph.add_node("run", run)
        graph.add_node("record", keep)
        graph.add_edge(START, "authorise")
        for name in ("authorise", "run", "record"):
            graph.add_conditional_edges(name, _next)
        self._graph = graph.compile()
        self._commands = InFlight(services.ledger, services.in_flight)

    async def step(self) -> bool:
        """Take up the commands that can run, until one of them has ended; False when none can, or all are frozen.

        Others may still be under way then; the next `step` goes on with them, and `close` waits for them.
        """
        return await self._commands.step(self._take_up)

    async def close(self) -> None:
        """Let the commands that are under way end."""
        await self._commands.close()

    async def _take_up(self) -> None:
        services, room, held = self._services, self._commands.room, frozenset(self._commands.names)
        now = services.clock.now()
        stopped, ready = await services.ledger.read(
            lambda tx: (frozen(tx), tx.commands.ready(services.owner, now, room, services.packs, held))
        )
        if stopped is None:
            for command in ready:
                self._commands.start(command.id, self._move(command, now))

    async def _move(self, command: Command, now: int) -> None:
        work = Execution(self._services, self._services.packs[command.pack], now)
        try:
            await self._graph.ainvoke({"command": command.to_json()}, context=work)
        except Fenced as stop:
            _log.warning("%s", stop)


async def _next(state: ExecutionState) -> str:
    return END if state["next"] == "end" else state["next"]
