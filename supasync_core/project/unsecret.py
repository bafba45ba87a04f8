"""What is kept of a run, without the secrets that a server's or a plugin's message may repeat."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from supasync_core.api.state_store import Entry
from supasync_core.model.secret import Secret, redact
from supasync_core.model.state import State


def unsecret(secrets: Iterable[Secret]) -> Callable[[Entry], Entry]:
    """What takes secrets out of the texts of a record: its error, details, reasons of quarantined rows.

    What only looks like one stays: a key of a row may.
    """
    known = tuple(secrets)
    clean = lru_cache(maxsize=4096)(
        lambda text: redact(text, known, shapes=False)
    )  # saves repeat the same reasons

    def stored(entry: Entry) -> Entry:
        error = None if entry.error is None else clean(entry.error)
        details = _cleaned(entry.details, clean)
        return replace(entry, error=error, details=details, state=_state(entry.state, clean))

    return stored


def _state(state: State, clean: Callable[[str], str]) -> State:
    quarantine = {
        name: tuple(replace(row, reason=clean(row.reason)) for row in rows)
        for name, rows in state.quarantine.items()
    }
    again = {name: replace(each, reason=clean(each.reason)) for name, each in state.again.items()}
    return replace(state, quarantine=quarantine, again=again)


def _cleaned(value: Any, clean: Callable[[str], str]) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {name: _cleaned(each, clean) for name, each in value.items()}
    return [_cleaned(each, clean) for each in value] if isinstance(value, list | tuple) else value
