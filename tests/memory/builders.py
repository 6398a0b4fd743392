"""Builders of situations, episodes and runbooks for these tests."""

from typing import Any

from contracts import Applies, Binding, Episode, Runbook, RunbookTask, Situation


def situation(text: str = "orders are late", **changes: Any) -> Situation:
    values: dict[str, Any] = {
        "pack": "retail",
        "detector": "late",
        "measure": "late_orders",
        "key": "all",
        "pattern": "spike",
        "severity": 4.0,
        "verdict": "attributed",
        "attributes": {"warehouse": "leeds"},
        "text": text,
    }
    return Situation(**values | changes)


def episode(number: int, /, text: str = "orders are late", **changes: Any) -> Episode:
    values: dict[str, Any] = {
        "id": f"episode-{number}",
        "incident_id": f"incident-{number}",
        "tenant": "acme",
        "situation": situation(text),
        "template": "reroute@1",
        "lane": "recall",
        "status": "resolved",
        "credit": "success",
        "opened_at": 0,
        "closed_at": number,
    }
    return Episode(**values | changes)


def runbook(name: str = "reroute", **changes: Any) -> Runbook:
    values: dict[str, Any] = {
        "runbook": name,
        "title": "Reroute orders",
        "situation": "Orders leave one warehouse late",
        "applies": Applies(measure="late_orders", explained_by=("warehouse",)),
        "tasks": (RunbookTask(tool="reroute"),),
    }
    return Runbook(**values | changes)


def bound_to(source: str) -> dict[str, Binding]:
    return {"target": Binding.model_validate({"from": source})}
