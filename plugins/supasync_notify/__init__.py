"""Tell of runs: one message per change to a webhook, one ping per run to a health check.

Two variables of the environment or of .env switch it on: ``SUPASYNC_WEBHOOK_URL`` and ``SUPASYNC_PING_URL``.
Both are secrets, for whoever knows them may write there: they are never printed. Nothing that goes wrong here
changes how the run ended.
"""

from __future__ import annotations

import json
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

WEBHOOK = "SUPASYNC_WEBHOOK_URL"
PING = "SUPASYNC_PING_URL"
TIMEOUT = 5.0
"""Seconds for each step of a request."""
LEVELS = (0.6, 0.8, 1.0)
"""The parts of a budget whose crossing is told."""
_TOLERATED = (4, 5, 130)
"""Exit codes that change nothing: the next run makes it good, another is at work, somebody interrupted it."""
_LONGEST = 1800
"""Characters of a message: Discord takes 2000."""
_SUCCESS = range(200, 300)
_KINDS = {
    "ConfigError": "tables.yaml or .env cannot be used",
    "PluginError": "a plugin cannot be loaded",
    "StateError": "the state of NEW cannot be used",
    "SchemaError": "a table is not as it has to be",
    "RefusedError": "a project refuses the request",
    "TransientError": "a project did not answer",
}
"""What ended a run, by the kind of its error."""


@hookimpl
def supasync_run_finished(
    report: Report, exit_code: int, folder: Path, environment: Mapping[str, str]
) -> None:
    """Ping, then tell what has changed since the last run."""
    if report.command != "sync":
        return
    if ping := environment.get(PING):
        _sent(PING, "GET", _with_suffix(ping, _suffix(exit_code)))
    if webhook := environment.get(WEBHOOK):
        _tell(webhook, folder, report, exit_code)


@dataclass(frozen=True, slots=True)
class Change:
    """What is remembered under a name from now on, and what people are told; nothing where text is empty."""

    name: str
    value: Any
    text: str = ""


def changes(before: Mapping[str, Any], report: Report, exit_code: int) -> Iterator[Change]:
    """What is another now than ``before``: the run, and each budget; a quiet first run tells nothing."""
    if exit_code not in _TOLERATED:
        ended = " ".join(filter(None, report.ended.values()))
        now = f"failing {ended}".strip() if exit_code else "ok"
        if now != before.get("run", "ok"):
            yield Change("run", now, _told(report, exit_code))
        elif "run" not in before:
            yield Change("run", now)
    for share in report.shares:
        name, part = f"{share.project} {share.what}", share.part or 0.0
        level = max((level for level in LEVELS if part >= level), default=0.0)
        crossed = level > before.get(name, 0.0)
        if level != before.get(name, 0.0):
            yield Change(name, level, share.sentence if crossed else "")


def _told(report: Report, exit_code: int) -> str:
    if not exit_code:
        return f"sync works again: {report.records:,} records"
    return f"sync fails (exit {exit_code}): {'; '.join(_causes(report))}\nmore: supasync status"


def _causes(report: Report) -> Iterator[str]:
    """What failed, by name and kind alone: messages hold what others wrote, and values of rows."""
    if report.stopped:
        kind = _KINDS.get(type(report.stopped).__name__, "the run was stopped")
        ended = report.ended
        yield f"{ended['project']}: {ended['reason']}" if ended else kind
    for table in report.tables:
        if table.error and table.status != "skipped":
            yield f"{table.name}: {table.status}"


def _plain(text: str) -> str:
    """The text as Slack, Discord and others show it: no link, no mention, no markup."""
    shown = visible(text, "\n")
    for mark, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("@", "(at)")):
        shown = shown.replace(mark, written)
    return shown.translate(dict.fromkeys(map(ord, "`~[]|"), "'"))


def _tell(webhook: str, folder: Path, report: Report, exit_code: int) -> None:
    """One message for each change; what could not be delivered is tried again after the next run."""
    from supasync_core.system import lock  # noqa: PLC0415 - wanted by few

    try:
        path = lock.folder(folder) / "notify.json"
    except SupasyncError:
        path = None
    known = _remembered(path)
    for change in list(changes(known, report, exit_code)):
        text = _plain(redact(f"supasync ({folder.resolve().name}): {change.text}", ()))
        text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."
        if not change.text or _sent(WEBHOOK, "POST", webhook, {"text": text}):
            known[change.name] = change.value
    if path:
        try:
            write_private(path, json.dumps(known))
        except SupasyncError as err:
            _note(f"what was told is not remembered: {err}")


def _remembered(path: Path | None) -> dict[str, Any]:
    """What was told last; nothing where it cannot be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8")) if path else {}
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {
        name: value for name, value in found.items() if isinstance(value, str if name == "run" else float)
    }


def _suffix(exit_code: int) -> str:
    """Healthchecks.io documentation, "Pinging API": nothing is success; a log changes no check's state."""
    if not exit_code:
        return ""
    return "/log" if exit_code in _TOLERATED else "/fail"


def _with_suffix(url: str, suffix: str) -> str:
    """The address with the suffix behind its path."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + suffix))


def _sent(name: str, method: str, url: str, body: object = None) -> bool:
    """Whether somebody took it; if not, a note on stderr says why, without the address."""
    import urllib3  # noqa: PLC0415 - slow to import, and wanted by few

    from supasync_core.system import connections  # noqa: PLC0415 - the same

    if not is_safe(url):
        _note(f"{name} must begin with https://; nobody was told")
        return False
    try:
        with closing(connections.pool(url, urllib3.Timeout(TIMEOUT))) as pool:
            login = urllib3.make_headers(basic_auth=connections.user(url))
            answer = pool.request(
                method, _target(url), json=body, headers=login, redirect=False, preload_content=False
            )
            answer.close()
            status = answer.status
    except (urllib3.exceptions.HTTPError, SupasyncError, OSError, ValueError) as err:
        _note(f"{name} cannot be reached ({type(err).__name__}); nobody was told")
        return False
    if status not in _SUCCESS:
        _note(f"{name} answers {status}; nobody was told")
    return status in _SUCCESS


def _target(url: str) -> str:
    """The address without scheme and host."""
    return urlunsplit(urlsplit(url)._replace(scheme="", netloc="", fragment="")) or "/"


def _note(text: str) -> None:
    sys.stderr.write(f"note: {text}\n")
