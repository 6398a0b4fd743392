"""From a situation to a checked plan: procedures first, then the model, then a person."""

from decimal import Decimal
from typing import Any

from agents.planning import (
    Draft,
    PersonNeeded,
    PlanningError,
    PlanningRequest,
    PlanRefused,
    RunbookDoesNotFit,
    bind,
    ensure_quotable,
    ensure_sound,
    make_plan,
    tool_cards,
)
from contracts import Command, Explanation, ModelUse, Plan, Signal, Situation, Task, command_id
from graphs.incident.handing_over import hand_over
from graphs.incident.state import IncidentState, Update
from graphs.segment import Segment
from memory import EpisodeMatch
from tools import Quote, ToolError

PLAN_VERSION = 1


async def recall(state: IncidentState, segment: Segment) -> Update:
    """Which procedures and earlier episodes fit? Only what had ended when the incident opened can speak."""
    situation = Situation.model_validate(state["situation"])
    found = segment.services.memory.recall(situation, tenant=segment.run.tenant, as_of=segment.run.opened_at)
    applicable = [match for match in found.runbooks if match.applicable]
    best = applicable[0] if applicable else None
    said = f"{best.template} fits (succeeded {best.record.successes} times)" if best else "no runbook fits: novel"
    segment.decide(
        "recall",
        f"{said}; earlier episodes: {len(found.episodes)}",
        {"applicable": [match.template for match in applicable], "novel": found.novel},
        alternatives=tuple(match.to_json() for match in found.runbooks),
        confidence=best.score if best else None,
        known={"embedder": found.embedder},
    )
    return {
        "applicable": [match.template for match in applicable],
        "record": {match.template: match.record.to_json() for match in applicable},
        "notes": [note.text for note in found.notes],
        "episodes": [_account(match) for match in found.episodes],
        "next": "plan",
    }


async def plan(state: IncidentState, segment: Segment) -> Update:
    """The first applicable runbook that binds and passes the checker; else the model; else a person."""
    request = _request(state, segment)
    against: list[str] = []
    for template in state["applicable"]:
        try:
            draft = bind(segment.pack.runbooks[template], request)
            return _planned(await _checked(draft, request, segment), draft, segment)
        except (RunbookDoesNotFit, PlanRefused, ToolError) as problem:
            against.append(str(problem))
            segment.decide("plan", f"{template} refused: {problem}", {"template": template, "refused": str(problem)})
    if segment.services.planner is not None:
        use: ModelUse | None = None
        try:
            draft = await _deliberate(request, segment)
            use = draft.model
            return _planned(await _checked(draft, request, segment), draft, segment)
        except PersonNeeded as problem:
            against.append(f"the model made no plan: {problem.reason}")
            segment.decide("plan", against[-1], {"refused": problem.reason}, model=problem.use)
        except (PlanningError, ToolError) as problem:
            against.append(f"the model's plan was refused: {problem}")
            segment.decide("plan", against[-1], {"refused": str(problem)}, model=use)
    reason = "; ".join(against) or "no runbook fits, and no model is configured"
    return await hand_over(reason, segment)


def _request(state: IncidentState, segment: Segment) -> PlanningRequest:
    manifest = segment.pack.manifest
    return PlanningRequest(
        incident_id=segment.run.thread,
        plan_version=PLAN_VERSION,
        pack=segment.run.pack,
        goal=manifest.goal,
        situation=Situation.model_validate(state["situation"]),
        explanation=Explanation.model_validate(state["explanation"]),
        signal=Signal.model_validate(state["signal"]),
        tools=tool_cards(segment.pack.catalogue),
        currency=manifest.autonomy.currency,
        deadline=segment.now + manifest.autonomy.approval_timeout + manifest.recovery.within,
        now=segment.now,
        notes=tuple(state["notes"]),
        episodes=tuple(state["episodes"]),
    )


def _account(match: EpisodeMatch) -> str:
    done = f"{match.template} was tried" if match.template else "nothing was done"
    return f"an incident {match.similarity:.2f} alike ended as {match.status}; {done}"


async def _deliberate(request: PlanningRequest, segment: Segment) -> Draft:
    """One model call, kept under the incident's name: after a crash it is not asked, nor paid for, again."""
    planner = segment.services.planner
    assert planner is not None

    async def ask() -> Any:
        try:
            return {"draft": _draft_json(await planner.propose(request))}
        except PersonNeeded as problem:
            return {"refused": problem.reason, "use": problem.use.to_json() if problem.use else None}

    answer = await segment.once(f"model:{request.plan_version}", ask)
    if "refused" in answer:
        raise PersonNeeded(answer["refused"], _use(answer["use"]))
    return _draft(answer["draft"])


async def _checked(draft: Draft, request: PlanningRequest, segment: Segment) -> Plan:
    ensure_quotable(draft, request, segment.pack.catalogue)
    quotes = {task.ordinal: await _quote(task, request, segment) for task in draft.tasks}
    return ensure_sound(make_plan(request, draft, quotes), request, segment.pack.catalogue, quotes)


async def _quote(task: Task, request: PlanningRequest, segment: Segment) -> Quote:
    arguments = {name: argument.value for name, argument in task.arguments.items()}
    command = Command(
        id=command_id(request.incident_id, request.plan_version, str(task.ordinal), task.tool, arguments),
        incident_id=request.incident_id,
        pack=request.pack,
        tenant=segment.run.tenant,
        plan_version=request.plan_version,
        ordinal=str(task.ordinal),
        tool=task.tool,
        arguments=arguments,
        deadline=request.deadline,
        value_ceiling=Decimal(0),
        authority="quote",
    )

    async def ask() -> Any:
        quote = await segment.pack.toolbox.quote(command)
        return {
            "value": str(quote.value),
            "feasible": quote.feasible,
            "reason": quote.reason,
            "detail": quote.detail,
        }

    kept = await segment.once(f"quote:{command.id}", ask)
    return Quote(Decimal(kept["value"]), kept["feasible"], kept["reason"], kept["detail"])


def _planned(made: Plan, draft: Draft, segment: Segment) -> Update:
    tools = ", ".join(task.tool for task in made.tasks)
    semantic = {"plan": made.to_json(), "digest": made.digest}
    segment.decide("plan", f"{made.template}: {tools}", semantic, confidence=draft.confidence, model=draft.model)
    change = {
        "lane": made.lane,
        "template": made.template,
        "plan": made.to_json(),
        "value_at_stake": str(made.value_at_stake),
    }
    segment.note("planned", change)
    return {"plan": made.to_json(), "next": "gate"}


def _draft_json(draft: Draft) -> dict[str, Any]:
    return {
        "tasks": [task.to_json() for task in draft.tasks],
        "lane": draft.lane,
        "template": draft.template,
        "reason": draft.reason,
        "confidence": draft.confidence,
        "model": draft.model.to_json() if draft.model else None,
    }


def _draft(doc: dict[str, Any]) -> Draft:
    return Draft(
        tasks=tuple(Task.model_validate(task) for task in doc["tasks"]),
        lane=doc["lane"],
        template=doc["template"],
        reason=doc["reason"],
        confidence=doc["confidence"],
        model=_use(doc["model"]),
    )


def _use(doc: dict[str, Any] | None) -> ModelUse | None:
    return ModelUse.model_validate(doc) if doc else None
