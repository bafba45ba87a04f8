"""The report as one HTML file: no script, nothing loaded from elsewhere, every text escaped."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from markupsafe import Markup

from supasync_core.api.state_store import Record
from supasync_core.cutover.rollback import after
from supasync_core.cutover.saved_progress import SavedProgress, certificate
from supasync_core.model import timestamps
from supasync_core.model.quantities import format_age, format_duration, format_size
from supasync_core.model.settings import Settings
from supasync_core.model.wording import counted
from supasync_core.project.last_inventory import LastInventory
from supasync_core.report.charts import Series, columns, spark
from supasync_core.report.days import ENDS, Day, last_days
from supasync_core.report.diff_section import KINDS, diff_section, shown_key
from supasync_core.report.headline import headline, moment
from supasync_core.report.html import rendered
from supasync_core.report.usage_panels import panels
from supasync_core.status.health import PHASES, TableLag
from supasync_core.status.standing import Standing

RECORDS: Final = 1000
"""How many of the newest records a report is made of: more than a month of hourly runs."""
_RECENT: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a report is made of: the ``verification`` and ``diff`` kept last, and what a ``switch`` saved."""

    standing: Standing
    settings: Settings
    verification: Mapping[str, Any] | None
    diff: Mapping[str, Any] | None
    switch: SavedProgress
    besides: LastInventory | None = None
    """What both projects held besides rows when somebody last looked."""


def page(facts: Facts, *, values: bool = False) -> str:
    """The whole file; the same facts make the same text.

    Keys of rows, and messages that may repeat a value of a row, are shown with ``values`` alone.
    """
    found = facts.standing
    days = last_days(found.past.records, found.now)
    return rendered(
        "page.html.j2",
        source=_shown(facts.settings.source.ref),
        sink=_shown(facts.settings.sink.ref),
        written=moment(found.now, 0),
        headline=headline(found, facts.verification, facts.diff, facts.switch),
        phase=after(found.phase, facts.switch),
        phases=PHASES,
        tables=list(_tables(facts, days)),
        charts=_charts(days) if found.past.records else [],
        runs=[_run(each, found.now, values=values) for each in found.past.records[:_RECENT]],
        panels=panels(found),
        besides=_besides(facts),
        verification=_verification(facts, values=values),
        diff=diff_section(facts.diff, found.now, values=values),
        certificate=certificate(facts.switch) if facts.switch.switched_at else None,
        back_at=facts.switch.back_at,
        values=values,
    )


def _shown(ref: str) -> str:
    """A project as a page shows it that others may see: of a file its name, not where it lies."""
    kind, _, place = ref.partition(":")
    return f"{kind}:{Path(place).name}" if Path(place).is_absolute() and not place.startswith("//") else ref


def _tables(facts: Facts, days: list[Day]) -> Iterator[dict[str, Any]]:
    """A line for each table of tables.yaml."""
    found = facts.standing
    verified = facts.verification["tables"] if facts.verification else {}
    quarantined = found.past.state.quarantined() if found.past.state else {}
    newest = next((each for each in found.past.records if each.command == "sync"), None)
    ended = newest.details.get("tables", {}) if newest else {}
    for lag in found.health.tables:
        rows = [day.rows[lag.name] for day in days]
        counts = verified.get(lag.name, {})
        yield {
            "name": lag.name,
            **_state_of(lag, ended.get(lag.name)),
            "lag": "never" if lag.lag is None else format_age(lag.lag.total_seconds() * 1_000_000),
            "old": counts.get("old"),
            "new": counts.get("new"),
            "quarantined": quarantined.get(lag.name, 0),
            "rows": sum(rows),
            "spark": spark(rows),
        }


def _state_of(lag: TableLag, ended: Mapping[str, Any] | None) -> dict[str, str]:
    """How the table stands, in a word or two, and how serious that is."""
    status = ended.get("status", "") if isinstance(ended, dict) else ""
    if status and status not in ("ok", "not due"):
        return {"state": str(status), "level": "bad"}
    if lag.read_at is None:
        return {"state": "first load" if lag.loading else "not complete", "level": "warn"}
    if lag.blind:
        return {"state": "updates not seen", "level": "warn"}
    if lag.deletions:
        return {"state": counted(lag.deletions, "row too many", "rows too many"), "level": "warn"}
    return {"state": "ok", "level": "good"}


def _charts(days: list[Day]) -> list[Markup]:
    """Rows, runs and durations by day."""
    dates = [day.date for day in days]
    runs = [Series(end, f"run-{end}", [day.runs[end] for day in days]) for end in ENDS]
    return [
        columns(
            "Rows copied a day", dates, [Series("rows", "rows", [day.rows.total() for day in days])], _count
        ),
        columns("Runs a day", dates, runs, _count),
        columns("Longest run of a day", dates, [Series("", "rows", [day.longest for day in days])], _seconds),
    ]


def _run(record: Record, now: timestamps.Instant, *, values: bool) -> dict[str, Any]:
    tables = record.details.get("tables", {})
    wrong = [name for name, table in tables.items() if table.get("status") not in ("ok", "not due")]
    level = {"success": "good", "partial": "warn", "failed": "bad", "interrupted": "warn"}
    return {
        "began": moment(timestamps.parse(record.created_at), now),
        "command": record.command,
        "status": record.status,
        "level": level.get(record.status, ""),
        "rows": record.records,
        "requests": record.requests,
        "bytes": format_size(record.bytes),
        "wrong": wrong,
        "error": record.error if values else None,
    }


def _besides(facts: Facts) -> dict[str, Any] | None:
    """What the last run did beside its tables, and what both projects held there."""
    newest = next((each for each in facts.standing.past.records if each.details.get("steps")), None)
    steps = newest.details["steps"] if newest else {}
    if not steps and facts.besides is None:
        return None
    seen = facts.besides
    return {
        "steps": [
            {
                "name": name,
                "status": step.get("status", ""),
                "level": "good" if step.get("status") in ("ok", "not due") else "bad",
                "summary": step.get("summary", ""),
            }
            for name, step in steps.items()
        ],
        "lines": seen.lines if seen else (),
        "age": format_age(facts.standing.now - timestamps.parse(seen.at)) if seen else "",
    }


def _verification(facts: Facts, *, values: bool) -> dict[str, Any] | None:
    """What the last verification compared, how, and what differs."""
    kept, now = facts.verification, facts.standing.now
    if kept is None:
        return None
    ended = timestamps.parse_or_none(kept.get("ended_at"))
    return {
        "age": "" if ended is None else format_age(now - ended),
        "tables": [_verified(name, table, values=values) for name, table in kept["tables"].items()],
    }


def _verified(name: str, table: Mapping[str, Any], *, values: bool) -> dict[str, Any]:
    differing = table.get("differences") or 0
    equal = table.get("equal")
    verdict = "not compared" if table.get("error") else counted(differing, "row differs", "rows differ")
    if not differing and not table.get("error"):
        verdict = "equal" if table.get("values_compared") else f"no difference in {table.get('method')}"
    kinds = {words: table.get(kind) or {"rows": 0, "first": []} for kind, words in KINDS.items()}
    columns_ = {each for row in kinds["changed"]["first"] for each in row["columns"]}
    return {
        "name": name,
        "verdict": verdict,
        "level": "good" if equal else "warn" if equal is None else "bad",
        "method": table.get("method"),
        "compared": table.get("compared", 0),
        "in_flight": table.get("in_flight", 0),
        "kinds": {words: kind["rows"] for words, kind in kinds.items() if kind["rows"]},
        "columns": sorted(columns_),
        "cannot_see": table.get("cannot_see", []),
        "first_keys": {
            words: list(map(shown_key, kind["first"])) for words, kind in kinds.items() if kind["rows"]
        }
        if values
        else {},
    }


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _seconds(value: float) -> str:
    return format_duration(timedelta(seconds=value), 2) if value >= 1 or not value else f"{value:.1f}s"
