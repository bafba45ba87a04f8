"""What must be true of a table for its cursor to mean anything, looked at while it is copied."""

import hashlib
import inspect
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from supasync_core.api.table_plugins import transform_factories
from supasync_core.model import timestamps
from supasync_core.model.batch import Batch, Key
from supasync_core.model.errors import SchemaError
from supasync_core.model.printable import command
from supasync_core.model.row_key import start_again
from supasync_core.model.state import TableState
from supasync_core.model.table import Table
from supasync_core.project.migration import Migration
from supasync_core.sync import settings_digest, transform_code
from supasync_core.sync.readback import Readback

OF_PLUGINS = ("strategy_settings", "transform_settings")
"""Names of settings in a fingerprint that only tables have which give a plugin settings."""
ALIVE_EVERY = timedelta(hours=24)
"""How often a table in which nothing happens is asked whether its rows are still to be seen."""


@dataclass
class Guard:
    """Watches one table during one run. ``now`` is the state store's time."""

    migration: Migration
    table: Table
    state: TableState
    now: str
    looked: bool = False
    readback: Readback = field(init=False)

    def __post_init__(self) -> None:
        self.readback = Readback(self.migration, self.table)

    def begin(self) -> None:
        """SchemaError where rows were copied under other settings: they would stay as they are.

        A name that an earlier version did not store yet is filled in: it is not a difference.
        """
        known = self.state.guarded.settings
        current = fingerprint(self.table, transform_factories(self.migration.host, self.table), known)
        changed = [name for name in current if known.get(name, current[name]) != current[name]]
        changed += [name for name in OF_PLUGINS if known and (name in known) != (name in current)]
        changed += ["soft_delete"] if "soft_delete" in known and not self.table.soft_delete else []
        if changed:
            raise self._start_again(
                f"{_told(changed)} changed since its rows were copied, and those rows would stay as they are"
            )
        self._note(settings=current)

    def read(self, batch: Batch) -> None:
        """SchemaError where the source has other columns than the rows that were copied."""
        known, found = set(self.state.guarded.columns), set(batch.columns)
        if known and known != found:
            words = [("gained", sorted(found - known)), ("lost", sorted(known - found))]
            told = " and ".join(
                f"{word} {'column' if len(names) == 1 else 'columns'} {', '.join(names)}"
                for word, names in words
                if names
            )
            raise self._start_again(f"OLD {told}; rows already copied do not have that change")
        self._note(columns=batch.columns, last_seen_rows_at=self.now)

    @property
    def needs_lookup(self) -> bool:
        """Whether rows of a first load are still to be read back, before more of them are sent."""
        return not (self.looked or self.state.read_at)

    def sent(self, batch: Batch, aside: Collection[Key] | None) -> None:
        """ChangedError where the sink does not keep the rows of a first load's first batch.

        Later runs write over rows, which other triggers see, and often but a few: `finished` reads a sample
        of all that was sent. Rows ``aside`` were refused; None where they are not known one by one.
        """
        if self.looked:
            return
        self.readback.sent(batch)
        if self.needs_lookup:
            self.looked = True
            self.readback.look(aside)

    def finished(self, rows: int, aside: Collection[Key] | None) -> None:
        """ChangedError where the sink does not keep what was sent, SchemaError where OLD returns no rows."""
        self.readback.look(aside)
        self._alive(rows)

    def _alive(self, rows: int) -> None:
        """SchemaError where a table that had rows shows none any more."""
        seen = self.state.guarded.last_seen_rows_at
        if rows or not seen:
            return
        if timestamps.parse(self.now) - timestamps.parse(seen) < timestamps.micros_of(ALIVE_EVERY):
            return
        if self.migration.source.count(self.table) == 0:
            raise SchemaError(
                f"{self.table.name}: OLD returned no rows; this table had rows before",
                table=self.table.name,
                hint="is the key still the right one? If the table was emptied on purpose: "
                f"{command('state', 'reset', self.table.name)}",
            )
        self._note(last_seen_rows_at=self.now)

    def counted(self, mark: str | None) -> None:
        """Keep whether rows are still to be counted in the sink: see `supasync_core.sync.tally`."""
        self._note(counted=mark)

    def stamped(self, state: TableState) -> TableState:
        """The state that a piece leads to, with what was seen here."""
        return replace(state, guarded=self.state.guarded)

    def _note(self, **fields: Any) -> None:  # noqa: ANN401 - of `Guarded`
        self.state = replace(self.state, guarded=replace(self.state.guarded, **fields))

    def _start_again(self, what: str) -> SchemaError:
        return SchemaError(
            f"{self.table.name}: {what}",
            table=self.table.name,
            hint=start_again(self.table),
        )


def fingerprint(
    table: Table, transforms: Mapping[str, Callable[..., Any]], known: Mapping[str, str]
) -> dict[str, str]:
    """The settings that decide what a copied row looks like, by the name under which they are stored.

    What is stored of another version may lack some of them, and those cannot have changed: whatever is added
    here gets a name of its own, and what an earlier version has stored under a name keeps its meaning. So the
    strategy is stored as ``plugin``, which is what it was called. ``known`` is what is stored now: digests of
    settings take their salt from it.
    """
    names = ("schema", "key", "timestamp", "where", "columns", "exclude")
    settings = {name: json.dumps(getattr(table, name)) for name in names}
    if table.soft_delete:
        settings["soft_delete"] = json.dumps(table.soft_delete)
    settings["plugin"] = json.dumps(table.strategy)
    settings["transform"] = json.dumps([f"{name} {_code(each)}" for name, each in transforms.items()])
    if transforms:
        held = [f"{name} {transform_code.digest(each)}" for name, each in transforms.items()]
        settings["transform_code"] = json.dumps(held)
    given = {table.strategy: table.strategy_settings}, table.transform_settings
    for name, each in zip(OF_PLUGINS, given, strict=True):
        if any(each.values()):
            settings[name] = settings_digest.of(each, known.get(name))
    return settings


def _told(changed: list[str]) -> str:
    """The settings by the names that a person knows."""
    code = "transform (its file, what that imports or what it holds)"
    known = {"transform_code": code, "plugin": "strategy"}
    known |= {name: name.replace("_", "'s ") for name in OF_PLUGINS}
    names = [known.get(name, name) for name in changed]
    return ", ".join(names if "transform" not in changed else [name for name in names if name != code])


def _code(transform: Callable[..., Any]) -> str:
    """A digest of a transform's source text, empty where it has none to be read."""
    try:
        text = inspect.getsource(transform)
    except (OSError, TypeError):
        return ""
    return hashlib.sha256(text.encode()).hexdigest()[:12]
