"""What a run changed since the last message, and the message about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from supasync_core.model.printable import visible

if TYPE_CHECKING:
    from supasync_core.model.report import Report

LEVELS = (0.6, 0.8, 1.0)
"""The shares of a budget that cause a message when they are crossed."""
TOLERATED = (4, 5, 130)
"""Exit codes that cause no message: the next run makes up for it, another one is at work, or an interrupt."""
_ENDED_BY = {
    "ConfigError": "tables.yaml or .env cannot be used",
    "PluginError": "a plugin cannot be loaded",
    "StateError": "the state in NEW cannot be used",
    "SchemaError": "a table does not fit",
    "RefusedError": "a project refuses the request",
    "TransientError": "a project did not answer",
}


@dataclass(frozen=True, slots=True)
class Change:
    """A new ``value`` to be saved under a name, and the message about it; empty where there is none."""

    name: str
    value: Any
    text: str = ""


def changes(before: Mapping[str, Any], report: Report, exit_code: int) -> Iterator[Change]:
    """What differs from ``before``: the run, and each budget; a successful first run causes no message."""
    if exit_code not in TOLERATED:
        ended = " ".join(filter(None, report.ended.values()))
        now = f"failing {ended}".strip() if exit_code else "ok"
        if now != before.get("run", "ok"):
            text = f"sync fails (exit {exit_code}): {'; '.join(_causes(report))}\nmore: supasync status"
            yield Change("run", now, text if exit_code else f"sync works again: {report.records:,} rows")
        elif "run" not in before:
            yield Change("run", now)
    for share in report.shares:
        name, part = f"{share.project} {share.what}", share.part or 0.0
        level, known = max((level for level in LEVELS if part >= level), default=0.0), before.get(name, 0.0)
        if level != known:
            yield Change(name, level, share.sentence if level > known else "")


def _causes(report: Report) -> Iterator[str]:
    """What failed, by name and kind alone: messages contain text of others, and values of rows."""
    if report.stopped:
        kind = _ENDED_BY.get(type(report.stopped).__name__, "the run was stopped")
        ended = report.ended
        yield f"{ended['project']}: {ended['reason']}" if ended else kind
    for step in report.steps:
        if step.error:
            yield f"{step.name}: {step.status}"
    for table in report.tables:
        if table.error and table.status != "skipped":
            yield f"{table.name}: {table.status}"


def plain(text: str) -> str:
    """The text as Slack, Discord and others show it: no link, no mention, no markup."""
    shown = visible(text, "\n")
    for mark, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("@", "(at)"), ("://", ": //")):
        shown = shown.replace(mark, written)
    return shown.translate(dict.fromkeys(map(ord, "`~[]|"), "'"))
