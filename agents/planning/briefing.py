"""A planning request in the words of a prompt: every value becomes part of a data block."""

from agents.planning.protocol import PlanningRequest
from contracts import to_iso
from prompts import BlockLimits, Prompt, Words


def brief(prompt: Prompt, request: PlanningRequest, limits: BlockLimits | None = None) -> Words:
    """The words for a planner's prompt, which declares the variables given here.

    Raises:
        PromptError: the prompt declares others, or a value is too large even when shortened.
    """
    incident = {
        "id": request.incident_id,
        "pack": request.pack,
        "goal": request.goal,
        "now": to_iso(request.now),
        "deadline": to_iso(request.deadline),
        "currency": request.currency,
        "budget": None if request.budget is None else str(request.budget),
    }
    tools = [
        {
            "name": card.name,
            "title": card.title,
            "description": card.description,
            "arguments": card.schema,
            "effect": card.effect,
            "risk": card.risk,
        }
        for card in request.tools
    ]
    return prompt.render(
        limits,
        incident=incident,
        signal=request.signal.to_json(),
        situation=request.situation.to_json(),
        explanation=request.explanation.to_json(),
        tools=tools,
        notes=list(request.notes),
        episodes=list(request.episodes),
        excerpts=list(request.excerpts),
    )
