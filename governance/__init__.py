"""Every "may it?": the gate, approvals, standing approvals, the safety catch, grants."""

from governance.acknowledging import acknowledge
from governance.approvals import answer, find_request, grant_standing, revoke_standing
from governance.closing import close_incident
from governance.errors import Frozen, GovernanceError, NotFound, Refused
from governance.gate import GateVerdict, Ruling, rule
from governance.grants import mint
from governance.reflexes import ReflexRuling, ReflexVerdict, grant_reflex, last_act, note_act, rule_on_reflex
from governance.settling import settle
from governance.switches import Mode, freeze, frozen, mode_of, set_mode, thaw

__all__ = [
    "Frozen",
    "GateVerdict",
    "GovernanceError",
    "Mode",
    "NotFound",
    "ReflexRuling",
    "ReflexVerdict",
    "Refused",
    "Ruling",
    "acknowledge",
    "answer",
    "close_incident",
    "find_request",
    "freeze",
    "frozen",
    "grant_reflex",
    "grant_standing",
    "last_act",
    "mint",
    "mode_of",
    "note_act",
    "revoke_standing",
    "rule",
    "rule_on_reflex",
    "set_mode",
    "settle",
    "thaw",
]
