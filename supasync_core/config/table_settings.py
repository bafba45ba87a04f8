"""The tables of tables.yaml: settings and defaults merged, checked, and ordered by dependency."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from supasync_core.api.registry import Registry, did_you_mean
from supasync_core.api.strategy import Marking, Strategy
from supasync_core.api.table_plugins import strategy_of
from supasync_core.config.declarations import DEFAULTS, TABLE
from supasync_core.config.document import Entry, Mark, Section
from supasync_core.config.plugin_settings import used_settings
from supasync_core.config.read_settings import Reading
from supasync_core.config.value_kinds import Mismatch, optional_section
from supasync_core.model import dependencies, row_key
from supasync_core.model.errors import SupasyncError
from supasync_core.model.settings import Endpoint
from supasync_core.model.table import NEVER, Table

_EMPTY: Final = Section(Mark(1, 1), {})


def tables(reading: Reading, declared: Entry | None, defaults: Entry | None) -> tuple[Table, ...]:
    """All tables, parents first; empty where there is any problem."""
    entries = declared.settings if declared else {}
    if declared and not entries:
        reading.problems.add(declared.at, "tables", "is empty: write the name of each table to copy")
    before = len(reading.problems)
    shared = _section(reading, "defaults", defaults)
    common = _settings(reading, shared, "defaults")
    sound_defaults = len(reading.problems) == before and (defaults is None or defaults.sound)
    found: dict[str, Table] = {}
    parents: dict[str, dict[str, Mark]] = {}
    for name, entry in entries.items():
        before = len(reading.problems)
        section = _section(reading, f"tables.{name}", entry)
        own = _settings(reading, section, f"tables.{name}")
        parents[name] = _parents(reading, name, section, own, entries)
        if sound_defaults and entry.sound and len(reading.problems) == before:
            found[name] = _marked(reading, Table(name=name, **{**common, **own}))
            _check(reading, found[name], entry.at, section.entries)
            _refuse_twin(reading, found, found[name], entry.at)
    for cycle in dependencies.cycles(parents):
        sentence = f"{' -> '.join(cycle)}: tables cannot all depend on each other"
        reading.problems.add(parents[cycle[0]][cycle[1]], f"tables.{cycle[0]}.depends_on", sentence)
    return () if reading.problems else tuple(found[name] for name in dependencies.parents_first(parents))


def _section(reading: Reading, place: str, entry: Entry | None) -> Section:
    """The settings at that place, by their present names; none where there are none, or none are expected."""
    try:
        return reading.renamed(optional_section(entry.value), place) if entry else _EMPTY
    except Mismatch as mismatch:
        reading.add_flaws(place, mismatch)
        return _EMPTY


def _settings(reading: Reading, section: Section, place: str) -> dict[str, Any]:
    """The settings of one table or of ``defaults``; names that no plugin knows are reported."""
    fields = DEFAULTS if place == "defaults" else TABLE
    values = reading.values(section, section.at, place, fields)
    registries: dict[str, Registry[Any]] = {
        "strategy": reading.host.strategies,
        "transform": reading.host.transforms,
    }
    for setting, registry in registries.items():
        if setting in values:
            entry = section.entries[setting]
            found = used_settings(reading, f"{place}.{entry.name}", entry.value, registry)
            own = setting == "strategy"
            values[f"{setting}_settings"] = found.get(values[setting], {}) if own else found
    return values


def _parents(
    reading: Reading, name: str, section: Section, own: Mapping[str, Any], known: Mapping[str, Entry]
) -> dict[str, Mark]:
    """The other tables that this one depends on, each with its place."""
    if "depends_on" not in own:
        return {}
    entry = section.entries["depends_on"]
    places = entry.places
    for parent, at in places.items():
        flaw = None
        if parent == name:
            flaw = f"{name} cannot depend on itself; rows may refer to rows of their own table without it"
        elif parent not in known:
            flaw = f"unknown table {parent}{did_you_mean(parent, known)}"
        if flaw:
            reading.problems.add(at, f"tables.{name}.{entry.name}", flaw)
    return {parent: at for parent, at in places.items() if parent in known and parent != name}


def _check(reading: Reading, table: Table, at: Mark, entries: Mapping[str, Entry]) -> None:
    """Report contradictions in a table whose settings are valid one by one."""
    place = f"tables.{table.name}"
    strategy = _strategy(reading, table, entries["strategy"].at if "strategy" in entries else at)
    for sentence in strategy.problems(table) if strategy else ():
        reading.problems.add(at, place, sentence)
    for sentence in row_key.problems(table):
        reading.problems.add(at, place, sentence)
    if table.columns and table.exclude:
        sentence = "columns and exclude cannot both be given: keep one of them"
        reading.problems.add(entries["exclude"].at, f"{place}.exclude", sentence)
    never = table.compare_every == NEVER and not row_key.has_row_key(table)
    if never and table.deletes != "ignore":
        sentence = "compare_every: never finds no deletes: give a duration, or deletes: ignore"
        reading.problems.add(at, place, sentence)
    marked_at = entries["soft_delete"].at if "soft_delete" in entries else at
    for sentence in _flaws_of_mark(table, strategy):
        reading.problems.add(marked_at, f"{place}.soft_delete", sentence)
    for column, role in _needed(table, strategy):
        if column in table.exclude:
            sentence = f"the {role} column {column} is needed and cannot be left out"
            reading.problems.add(entries["exclude"].places[column], f"{place}.exclude", sentence)
        if table.columns and column not in table.columns:
            sentence = f"does not name the {role} column {column}, which is needed"
            reading.problems.add(entries["columns"].value.at, f"{place}.columns", sentence)


def _refuse_twin(reading: Reading, found: Mapping[str, Table], table: Table, at: Mark) -> None:
    """Report two entries for one table: each row would be copied twice."""
    other = next(
        (each for each in found.values() if each is not table and each.address == table.address), None
    )
    if other:
        sentence = f"is the table {'.'.join(table.address)}, and so is {other.name}: keep one of them"
        reading.problems.add(at, f"tables.{table.name}", sentence)


def refuse_same_place(
    reading: Reading, found: Sequence[Table], declared: Entry | None, sides: Sequence[Endpoint] | None
) -> None:
    """Report two tables that one side keeps in one place: their rows would be mixed."""
    if sides is None or declared is None:
        return
    host, (source, sink) = reading.host, sides
    places = {"source": host.sources.get(source.backend).place, "sink": host.sinks.get(sink.backend).place}
    for side, place in places.items():
        taken: dict[str, Table] = {}
        for table in found if place else ():
            other = taken.setdefault(place(table), table) if place else table
            if other is not table:
                at = declared.settings[table.name].at
                sentence = f"the {side} has one place for it and {other.name}: keep one of them"
                reading.problems.add(at, f"tables.{table.name}", sentence)


def _strategy(reading: Reading, table: Table, at: Mark) -> Strategy | None:
    """How the table is read; None where nobody knows, or where it cannot be made, which is reported."""
    if table.strategy not in reading.host.strategies:
        return None
    try:
        return strategy_of(reading.host, table)
    except SupasyncError as err:
        sentence = err.message.removeprefix(f"{table.name}: ")
        reading.problems.add(at, f"tables.{table.name}.strategy", sentence)
        return None


def _marked(reading: Reading, table: Table) -> Table:
    """The table with the column by which its strategy says that rows are deleted, if it says so."""
    if table.soft_delete or table.strategy not in reading.host.strategies:
        return table
    try:
        strategy = strategy_of(reading.host, table)
    except SupasyncError:
        return table  # which is reported with its place
    return replace(table, soft_delete=strategy.deleted_by(table)) if isinstance(strategy, Marking) else table


def _flaws_of_mark(table: Table, strategy: Strategy | None) -> Iterator[str]:
    """Why rows cannot be marked as deleted by that column."""
    mark = table.soft_delete
    if mark is None:
        return
    if mark in table.key:
        yield f"{mark} is in the key, which is never NULL: name the column that is set in a deleted row"
    elif any(each.column == mark for each in (strategy.keysets(table) if strategy else ())):
        yield f"{mark} is what rows are read by: a deleted row would be read, and its mark is never NULL"
    if row_key.has_row_key(table):
        yield f"a table with key: {row_key.ROW_KEY} is read as a whole, and cannot have soft_delete"


def _needed(table: Table, strategy: Strategy | None) -> Iterator[tuple[str, str]]:
    """The columns without which the table cannot be read, each with its role."""
    yield from ((column, "key") for column in table.key)
    keysets = strategy.keysets(table) if strategy else ()
    ordering = {keyset.column: None for keyset in keysets if keyset.column not in table.key}
    for column in filter(None, ordering):
        yield column, "timestamp" if column in table.timestamp else "cursor"
