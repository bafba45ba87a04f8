"""Notifiers, which hear how a run ended: tables.yaml names them under ``notify``, with their settings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from supasync_core.api.registration import Setting, described, function_flaw, settings_flaw

if TYPE_CHECKING:
    from supasync_core.model.report import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnd:
    """A run that has ended, after its record was saved; ``folder`` is that of tables.yaml."""

    settings: Mapping[str, str]
    folder: Path
    report: "Report"
    exit_code: int


@dataclass(frozen=True, slots=True)
class Notifier:
    """``send`` is called once for each run. Whatever it raises is a note: the run ended as it ended."""

    send: Callable[[RunEnd], None]
    settings: Mapping[str, Setting] = field(default_factory=dict)


def notifier_flaw(thing: object) -> str | None:
    """Why this is not a notifier; None for a sound one."""
    if not isinstance(thing, Notifier):
        return f"must be a Notifier(...) from supasync_core.api.notifier, not {described(thing)}"
    if flaw := function_flaw(thing.send):
        return f"its send {flaw}"
    return settings_flaw(thing.settings)
