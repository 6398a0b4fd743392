"""Do the autonomy table and the detectors' settings make sense?"""

import re
from collections.abc import Iterable, Iterator

from agents.detection import create_detector
from contracts import PackManifest, Runbook
from forestall.packs.mistakes import Mistake, nearest
from forestall.packs.source import Source
from tools import Catalogue


def check_autonomy(
    source: Source, manifest: PackManifest, catalogue: Catalogue, runbooks: Iterable[Runbook]
) -> Iterator[Mistake]:
    """Rules name tools, every rule can be reached, and a tool that a runbook calls is covered."""
    names = [each.name for each in catalogue] + [each.name for each in manifest.topic_tools]
    unlimited: dict[str, int] = {}
    for place, rule in enumerate(manifest.autonomy.rules):
        at = ("autonomy", "rules", place)
        if rule.tool not in names:
            yield source.mistake((*at, "tool"), f"no such tool; {nearest(rule.tool, names)}", rule.tool)
        elif rule.tool in unlimited:
            line = source.line(("autonomy", "rules", unlimited[rule.tool]))
            yield source.mistake(at, f"never reached: line {line} covers every value; move it up or remove it")
        elif rule.up_to is None:
            unlimited[rule.tool] = place
    covered = {rule.tool for rule in manifest.autonomy.rules}
    called = {task.tool for runbook in runbooks for task in runbook.tasks}
    for name in sorted(called - covered):
        if name in catalogue:
            advice = f"add {{tool: {name}, may: approve}}"
            yield source.mistake(("autonomy", "rules"), f"no rule covers {name}, which a runbook calls; {advice}")


def check_detectors(source: Source, manifest: PackManifest) -> Iterator[Mistake]:
    """Every detector can be made from its settings, and suits its measure."""
    aggregates = {measure.name: measure.aggregate for measure in manifest.measures}
    for place, spec in enumerate(manifest.detectors):
        if spec.kind == "count" and (aggregate := aggregates.get(spec.measure)) not in ("distinct", "count", None):
            told = f"count judges numbers of events or units, and {spec.measure} is a {aggregate}; write level"
            yield source.mistake(("detectors", place, "kind"), told)
        try:
            create_detector(spec)
        except ValueError as error:
            told = str(error).removeprefix(f"detectors: {spec.name!r}: ").removeprefix("settings: ")
            named = [name for name in spec.settings if re.search(rf"\b{re.escape(name)}\b", told)]
            yield source.mistake(("detectors", place, "settings", *named[:1]), told)
