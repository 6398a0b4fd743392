"""The reflex lane: from an event to a command, in the very transaction that takes the event."""

from collections.abc import Callable, Sequence
from typing import Any

import fastjsonschema

from agents.reflex import Call, Reflexes, window_of
from contracts import HOUR, Command, Decision, Event, StreamSpec, command_id, own_event, stable_id
from governance import ReflexVerdict, frozen, mode_of, note_act, rule_on_reflex
from graphs.segment import decision_event, decision_id
from graphs.services import PackRuntime, Services
from ledger import Transaction, record
from ledger.recording import TOPIC
from tools import RefuseCommand


class ReflexLane:
    """A pack's reflexes on one stream. It holds no state: what was done is in the ledger, found by its id."""

    def __init__(self, services: Services, pack: PackRuntime, stream: StreamSpec, tenant: str) -> None:
        self._services, self._pack, self._tenant = services, pack, tenant
        types = {declared.type for declared in stream.types}
        self.rules = Reflexes([each for each in pack.manifest.reflexes if types & set(each.of)])
        manifest = pack.manifest
        self._templates = {each.name: manifest.reflex_template(each) for each in manifest.reflexes}
        self._topic_tools = {each.name: each for each in pack.manifest.topic_tools}
        self._checks: dict[str, Callable[[Any], Any]] = {
            each.name: fastjsonschema.compile(each.arguments) for each in pack.manifest.topic_tools
        }

    def act(self, tx: Transaction, calls: Sequence[Call], now: int) -> int:
        """Rule on every call, write its decision once, and the command where one is allowed; how many were issued.

        The same arguments and ruling within one cool-down window are one decision: its id says so, on whichever
        partition and in whichever worker the event came.
        """
        if not calls:
            return 0
        manifest = self._pack.manifest
        mode = mode_of(tx, manifest.pack, manifest.mode)
        stop = frozen(tx) is not None
        standing = tx.people.standing(self._tenant, manifest.pack)
        issued = 0
        for call in calls:
            if now - call.time > call.reflex.within:
                self._count(tx, call, "stale")
                continue
            verdict = rule_on_reflex(
                self._templates[call.reflex.name],
                call.reflex.tool,
                call.value,
                manifest.autonomy,
                mode=mode,
                frozen=stop,
                standing=standing,
                now=now,
                grant_as=f"{manifest.pack}/{call.reflex.name}",
            )
            issued += self._rule(tx, call, verdict, now)
        return issued

    def _rule(self, tx: Transaction, call: Call, verdict: ReflexVerdict, now: int) -> int:
        ruling, reason = verdict.ruling, verdict.reason
        if fault := self._fault(call):
            ruling, reason = "refused", fault
        subject = self._subject(call, ruling)
        if tx.journal.has(decision_id(subject, "reflex", subject, 0)):
            self._count(tx, call, "repeated")
            return 0
        if ruling == "act" and self._spent(tx, call, now):
            ruling, reason = "refused", f"{call.reflex.at_most} within the hour already (at_most)"
            subject = self._subject(call, ruling)
        record(tx, self._services.routing, self._decision(call, subject, ruling, reason, verdict.authority, now))
        self._count(tx, call, ruling)
        if ruling != "act":
            return 0
        self._issue(tx, call, subject, verdict.authority, now)
        note_act(tx, self._pack.name, call.reflex.name, now)
        return 1

    def _issue(self, tx: Transaction, call: Call, subject: str, authority: str, now: int) -> None:
        command = Command(
            id=command_id(subject, call.reflex.version, "1", call.reflex.tool, dict(call.arguments)),
            incident_id=subject,
            pack=self._pack.name,
            tenant=self._tenant,
            plan_version=call.reflex.version,
            ordinal="1",
            tool=call.reflex.tool,
            arguments=dict(call.arguments),
            deadline=now + call.reflex.within,
            value_ceiling=call.value,
            authority=authority,
        )
        topic_tool = self._topic_tools.get(command.tool)
        event = own_event(
            "command.issued",
            command.to_json() | ({"topic": topic_tool.topic} if topic_tool else {}),
            about=(command.id,),
            time=now,
            incident=subject,
            cause=call.event_id,
            tenant=self._tenant,
        )
        if topic_tool is None:
            record(tx, self._services.routing, event)
            tx.commands.add(command, self._pack.catalogue.get(command.tool).effect, now)
        else:
            record(tx, self._services.routing, event, also=(TOPIC + topic_tool.topic,))
            tx.commands.add_published(command, now)

    def _fault(self, call: Call) -> str | None:
        """Why the event cannot make this call; None when it can."""
        if call.missing is not None:
            return f"data.{call.missing}: missing or no amount; {call.reflex.tool} cannot be called without it"
        if call.unfit is not None:
            return f"argument {call.unfit}: no command can carry it: too large, or no value of JSON"
        try:
            if call.reflex.tool in self._checks:
                self._checks[call.reflex.tool](dict(call.arguments))
            else:
                self._pack.catalogue.get(call.reflex.tool).validate(call.arguments)
        except (RefuseCommand, fastjsonschema.JsonSchemaValueException, ArithmeticError) as problem:
            return str(problem)
        return None

    def _spent(self, tx: Transaction, call: Call, now: int) -> bool:
        name = f"reflex:{self._pack.name}:{call.reflex.name}:hour:{now // HOUR}"
        spent = tx.docs.counter(name) >= call.reflex.at_most
        if not spent:
            tx.docs.count(name, 1)
        return spent

    def _subject(self, call: Call, ruling: str) -> str:
        """Each ruling has a window of its own: what was refused must not keep what is allowed from being done."""
        window, template = window_of(call.reflex, call.time), self._templates[call.reflex.name]
        return stable_id("rfx", self._tenant, self._pack.name, template, dict(call.arguments), window, ruling)

    def _decision(self, call: Call, subject: str, ruling: str, reason: str, authority: str, now: int) -> Event:
        told = ", ".join(f"{name}={value}" for name, value in call.arguments.items())
        said = {"act": "does", "observe": "would do", "refused": "may not do"}.get(ruling, ruling)
        decision = Decision(
            incident_id=subject,
            graph="reflex",
            subject=subject,
            step=0,
            node="reflex",
            summary=f"{call.reflex.name}: {said} {call.reflex.tool}({told}) on event {call.event_id}: {reason}",
            semantic={
                "pack": self._pack.name,
                "reflex": self._templates[call.reflex.name],
                "tool": call.reflex.tool,
                "arguments": dict(call.arguments),
                "value": str(call.value),
                "ruling": ruling,
                "authority": authority,
            },
            verdicts=(reason,),
            at=now,
            worker=self._services.owner,
        )
        return decision_event(decision, self._tenant)

    def _count(self, tx: Transaction, call: Call, what: str) -> None:
        tx.docs.count(f"reflex:{self._pack.name}:{call.reflex.name}:{what}", 1)
