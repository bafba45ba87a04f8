"""One message per change and channel; what was not delivered comes after the next run."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from supasync_core.model.errors import SupasyncError
from supasync_core.model.secret import redact
from supasync_core.system import lock
from supasync_core.system.files import write_private
from supasync_core.system.kept_document import read_json
from supasync_notify.bounded import Delivery, deliver
from supasync_notify.delivery import PING, SERVICES, WEBHOOK, ping, send
from supasync_notify.run_changes import Change, changes, plain

if TYPE_CHECKING:
    from supasync_core.model.report import Report

_LONGEST = 1800
"""Characters of a message: Discord takes 2000."""
_LARGEST = 100_000
"""Bytes of what is kept."""


def tell(report: Report, exit_code: int, folder: Path, environment: Mapping[str, str]) -> None:
    """Ping, and send a message for each change since the last run, all within one deadline."""
    channels = {each: environment[each] for each in (WEBHOOK, SERVICES) if environment.get(each)}
    path = _place(folder) if channels else None
    saved = _saved(path)
    found = {each: list(changes(saved.setdefault(each, {}), report, exit_code)) for each in channels}
    sends = {
        each: [
            partial(send, each, channels[each], _message(change, folder, report))
            for change in new
            if change.text
        ]
        for each, new in found.items()
    }
    if url := environment.get(PING):
        sends[PING] = [partial(ping, url, exit_code)]
    accepted = {each: [_note(each, done) for done in told] for each, told in deliver(sends).items()}
    for each, new in found.items():
        results = iter(accepted[each])
        saved[each].update({change.name: change.value for change in new if not change.text or next(results)})
    if path:
        try:
            write_private(path, json.dumps({**saved.pop(WEBHOOK, {}), **saved}))
        except SupasyncError as err:
            sys.stderr.write(f"note: sent notifications could not be saved: {err}\n")


def _message(change: Change, folder: Path, report: Report) -> str:
    text = plain(redact(f"supasync ({folder.resolve().name}): {change.text}", ()))
    text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."
    return text + (f"\nreport: {report.page}" if report.page else "")


def _place(folder: Path) -> Path | None:
    """Where the values of the last messages are kept; None where nothing can be."""
    try:
        return lock.folder(folder) / "notify.json"
    except SupasyncError:
        return None


def _saved(path: Path | None) -> dict[str, dict[str, Any]]:
    """The values of the last messages by channel; nothing where they cannot be read.

    Those of the webhook lie at the top, as in the first version, which had no other channel.
    """
    try:
        found = read_json(path, _LARGEST) if path else {}
    except (OSError, ValueError):
        return {}
    whole = found if isinstance(found, dict) else {}
    services = whole.get(SERVICES)
    return {WEBHOOK: _sound(whole), SERVICES: _sound(services if isinstance(services, dict) else {})}


def _sound(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value for name, value in values.items() if isinstance(value, str if name == "run" else float)
    }


def _note(variable: str, done: Delivery) -> bool:
    """Whether it was accepted; if not, a note on stderr says why, without the address."""
    if not done.accepted:
        sys.stderr.write(f"note: {variable} {done.words}; no notification was sent\n")
    return done.accepted
