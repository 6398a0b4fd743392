"""A scripted model on loopback that speaks OpenAI's wire, well or badly."""

from evals.scripted_model.replies import Cuts, Hangs, ModelRequest, Refuses, Reply, Says, Script, Sends, in_turn, says
from evals.scripted_model.scripts import obeys_payloads, plan_for_novel_retail, propose
from evals.scripted_model.server import ScriptedModel

__all__ = [
    "Cuts",
    "Hangs",
    "ModelRequest",
    "Refuses",
    "Reply",
    "Says",
    "Script",
    "ScriptedModel",
    "Sends",
    "in_turn",
    "obeys_payloads",
    "plan_for_novel_retail",
    "propose",
    "says",
]
