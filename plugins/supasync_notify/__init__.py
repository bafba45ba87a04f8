"""Notifications: one message per change to a webhook, one ping per run to a health check.

The variables ``SUPASYNC_WEBHOOK_URL`` and ``SUPASYNC_PING_URL``, in the environment or .env, switch them on.
Both are secrets, because whoever knows them may write there: they are never printed. No failure here changes
how the run ended.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from supasync_core import hookimpl
from supasync_core.model.errors import SupasyncError
from supasync_core.model.printable import visible
from supasync_core.model.secret import redact
from supasync_core.system.addresses import is_safe
from supasync_core.system.files import write_private

if TYPE_CHECKING:
    from supasync_core.model.report import Report

HOOKS = 1
WEBHOOK = "SUPASYNC_WEBHOOK_URL"
PING = "SUPASYNC_PING_URL"
TIMEOUT = 5.0
"""Seconds for each step of a request."""
LEVELS = (0.6, 0.8, 1.0)
"""The shares of a budget that cause a message when they are crossed."""
_TOLERATED = (4, 5, 130)
"""Exit codes that cause no message: the next run makes up for it, another one is at work, or an interrupt."""
_LONGEST = 1800
"""Characters of a message: Discord takes 2000."""
_SUCCESS = range(200, 300)
_ENDED_BY = {
    "ConfigError": "tables.yaml or .env cannot be used",
    "PluginError": "a plugin cannot be loaded",
    "StateError": "the state in NEW cannot be used",
    "SchemaError": "a table does not fit",
    "RefusedError": "a project refuses the request",
    "TransientError": "a project did not answer",
}


@hookimpl
def supasync_run_finished(
    report: Report, exit_code: int, folder: Path, environment: Mapping[str, str]
) -> None:
    """Ping, then send a message for each change since the last run."""
    if report.command != "sync":
        return
    if ping := environment.get(PING):
        _sent(PING, "GET", _ping_url(ping, exit_code))
    if webhook := environment.get(WEBHOOK):
        _notify(webhook, folder, report, exit_code)


@dataclass(frozen=True, slots=True)
class Change:
    """A new ``value`` to be saved under a name, and the message about it; empty where there is none."""

    name: str
    value: Any
    text: str = ""


def changes(before: Mapping[str, Any], report: Report, exit_code: int) -> Iterator[Change]:
    """What differs from ``before``: the run, and each budget; a successful first run causes no message."""
    if exit_code not in _TOLERATED:
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


def _plain(text: str) -> str:
    """The text as Slack, Discord and others show it: no link, no mention, no markup."""
    shown = visible(text, "\n")
    for mark, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("@", "(at)")):
        shown = shown.replace(mark, written)
    return shown.translate(dict.fromkeys(map(ord, "`~[]|"), "'"))


def _notify(webhook: str, folder: Path, report: Report, exit_code: int) -> None:
    """One message for each change; what could not be delivered is sent after the next run."""
    import json  # noqa: PLC0415 - wanted by few

    from supasync_core.system import lock  # noqa: PLC0415 - the same

    try:
        path = lock.folder(folder) / "notify.json"
    except SupasyncError:
        path = None
    known = _saved(path)
    for change in list(changes(known, report, exit_code)):
        text = _plain(redact(f"supasync ({folder.resolve().name}): {change.text}", ()))
        text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."
        text += f"\nreport: {report.page}" if report.page else ""
        if not change.text or _sent(WEBHOOK, "POST", webhook, {"text": text}):
            known[change.name] = change.value
    if path:
        try:
            write_private(path, json.dumps(known))
        except SupasyncError as err:
            _note(f"sent notifications could not be saved: {err}")


def _saved(path: Path | None) -> dict[str, Any]:
    """The values of the last messages; nothing where they cannot be read."""
    import json  # noqa: PLC0415 - wanted by few

    try:
        found = json.loads(path.read_text(encoding="utf-8")) if path else {}
    except (OSError, ValueError):
        return {}
    items = found.items() if isinstance(found, dict) else ()
    return {name: value for name, value in items if isinstance(value, str if name == "run" else float)}


def _ping_url(url: str, exit_code: int) -> str:
    """The address with /log or /fail behind its path; neither means success.

    Healthchecks.io documentation, "Pinging API": a log does not change a check's state.
    """
    suffix = "/log" if exit_code in _TOLERATED else "/fail" if exit_code else ""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + suffix))


def _sent(name: str, method: str, url: str, body: object = None) -> bool:
    """Whether it was accepted; if not, a note on stderr says why, without the address."""
    import urllib3  # noqa: PLC0415 - slow to import, and wanted by few

    from supasync_core.system import connections  # noqa: PLC0415 - the same

    if not is_safe(url):
        _note(f"{name} must begin with https://; no notification was sent")
        return False
    try:
        with closing(connections.pool(url, urllib3.Timeout(TIMEOUT))) as pool:
            target = urlunsplit(urlsplit(url)._replace(scheme="", netloc="", fragment="")) or "/"
            login = urllib3.make_headers(basic_auth=connections.user(url))
            answer = pool.request(
                method, target, json=body, headers=login, redirect=False, preload_content=False
            )
            answer.close()
            status = answer.status
    except (urllib3.exceptions.HTTPError, SupasyncError, OSError, ValueError) as err:
        _note(f"{name} cannot be reached ({type(err).__name__}); no notification was sent")
        return False
    if status not in _SUCCESS:
        _note(f"{name} answers {status}; no notification was sent")
    return status in _SUCCESS


def _note(text: str) -> None:
    sys.stderr.write(f"note: {text}\n")
