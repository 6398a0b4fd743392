"""The report as one page: nothing is loaded from anywhere, and nothing that an event holds is markup."""

import base64
import hashlib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from forestall.backtest import wording
from forestall.backtest.charts import BAND, charts_of
from forestall.backtest.result import Backtest

SIGNALS_SHOWN = 200
INCIDENTS_SHOWN = 200


def page_of(result: Backtest) -> str:
    """HTML. The policy in its head lets no script run but the two that are in it, and nothing be fetched."""
    scripts = [_asset("uPlot.iife.min.js"), _asset("report.js")]
    charts = charts_of(result)
    shown = {each["id"]: chart["id"] for chart in charts for each in chart["incidents"]}
    template = _environment().get_template("report.html")
    return template.render(
        result=result,
        say=wording,
        charts=charts,
        chart_of=shown,
        incidents=result.incidents[:INCIDENTS_SHOWN],
        signals=result.signals[:SIGNALS_SHOWN],
        tiles=_tiles(result),
        band=BAND,
        policy="; ".join(
            (
                "default-src 'none'",
                "base-uri 'none'",
                "form-action 'none'",
                "style-src 'unsafe-inline'",
                "script-src " + " ".join(map(_hash, scripts)),
            )
        ),
        scripts=[Markup(script) for script in scripts],  # ours, checked by the policy's hashes
        styles=Markup(_asset("uPlot.min.css") + _asset("report.css")),
    )


def _tiles(result: Backtest) -> list[Mapping[str, Any]]:
    """The figures at the top."""
    return [
        {"name": "incidents", "value": len(result.incidents), "note": wording.rate(result)},
        {"name": "signals", "value": len(result.signals), "note": f"in {result.counts.get('panes', 0):,} panes"},
        {"name": "approvals asked", "value": result.approvals, "note": "if it were let to act"},
        {"name": "events", "value": f"{result.taken:,}", "note": _left_out(result)},
    ]


def _left_out(result: Backtest) -> str:
    parts = [
        f"{number:,} {name.replace('_', ' ')}"
        for name, number in (
            ("bad rows", result.rows.left_out),
            ("dead letters", result.dead_letters.total),
            *((name, result.counts.get(name, 0)) for name in ("late", "duplicates", "filtered")),
        )
        if number
    ]
    return ", ".join(parts) or "none was left out"


def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("forestall.backtest", "assets"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _asset(name: str) -> str:
    return files("forestall.backtest").joinpath("assets", name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    """A script's source as a content security policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
