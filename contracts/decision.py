"""Every step of the reasoning is an event: the decision record and its digest."""

import hashlib
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Literal

from pydantic import Field

from contracts.base import Contract, canonical

Graph = Literal["monitor", "reflex", "incident", "execution", "learning", "person"]
GRAPH_ORDER: tuple[Graph, ...] = ("monitor", "reflex", "incident", "execution", "person", "learning")


class ModelUse(Contract):
    """What was asked of which model under which prompt, and every token that came back."""

    model: str
    prompt: str
    prompt_digest: str
    answer: str
    finish_reason: str | None
    input_tokens: int | None
    output_tokens: int | None
    cost: Decimal | None = None


class Decision(Contract):
    """One step of one graph.

    `subject` is what the step was about within the incident (the incident, a signal, a command) and `step` its number
    there: (graph, subject, step) orders decisions the same way on every broker, worker count and batch size.
    `semantic` holds the declared fields that enter the digest; `known` names by digest what was read. `latency_ms`,
    `at` and `worker` stay outside the digest.
    """

    incident_id: str
    graph: Graph
    subject: str
    step: int
    node: str
    summary: str
    semantic: dict[str, Any]
    known: dict[str, str] = Field(default_factory=dict)
    alternatives: tuple[dict[str, Any], ...] = ()
    confidence: float | None = None
    verdicts: tuple[str, ...] = ()
    model: ModelUse | None = None
    at: int
    latency_ms: float | None = None
    worker: str | None = None

    def semantics(self) -> dict[str, Any]:
        """The fields that enter the digest."""
        return {
            "incident": self.incident_id,
            "graph": self.graph,
            "subject": self.subject,
            "step": self.step,
            "node": self.node,
            "semantic": self.semantic,
            "known": self.known,
            "alternatives": list(self.alternatives),
            "confidence": self.confidence,
            "verdicts": list(self.verdicts),
            "model": None
            if self.model is None
            else {"model": self.model.model, "prompt": self.model.prompt, "answer": self.model.answer},
        }


def decision_order(decision: Decision) -> tuple[int, str, int]:
    """The position of a decision within its incident."""
    return (GRAPH_ORDER.index(decision.graph), decision.subject, decision.step)


def decision_digest(decisions: Iterable[Decision]) -> str:
    """One hash over all incidents: a chain per incident in step order, then the chains in the incidents' order."""
    chains: dict[str, bytes] = {}
    for decision in sorted(decisions, key=lambda item: (item.incident_id, decision_order(item))):
        link = chains.get(decision.incident_id, b"")
        chains[decision.incident_id] = hashlib.sha256(link + canonical(decision.semantics())).digest()
    total = hashlib.sha256()
    for incident_id in sorted(chains):
        total.update(incident_id.encode() + chains[incident_id])
    return total.hexdigest()
