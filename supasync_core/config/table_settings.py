"""The tables of tables.yaml: settings and defaults merged, checked, and ordered by dependency."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final, TypeVar

from supasync_core.api.plugin_host import Host
from supasync_core.api.registry import Registry, did_you_mean
from supasync_core.api.strategy import Marking, Strategy
from supasync_core.api.table_plugins import strategy_of
from supasync_core.config.document import Entry, Mark, Scalar, Section
from supasync_core.config.orders import keyset_flaw, order_flaw
from supasync_core.config.plugin_settings import used_settings
from supasync_core.config.read_settings import Question, Reading
from supasync_core.config.table_declarations import DEFAULTS, TABLE
from supasync_core.config.value_kinds import Mismatch, optional_section
from supasync_core.model import dependencies, row_key
from supasync_core.model.batch import Keyset
from supasync_core.model.errors import SupasyncError
from supasync_core.model.settings import Endpoint
from supasync_core.model.table import NEVER, Table

T = TypeVar("T")

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
            table = Table(name=name, **{**common, **own})
            at = section.entries["strategy"].at if "strategy" in section.entries else entry.at
            strategy = _strategy(reading, table, at)
            found[name] = _marked(reading, table, at, strategy)
            _check(reading, found[name], strategy, entry.at, section.entries)
            _refuse_twin(reading, found, found[name], entry.at)
            _refuse_other_was(reading, found, found[name], section.entries, entries)
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
    for setting in ("key", "timestamp"):
        entry = section.entries.get(setting)
        alone = entry is not None and isinstance(entry.value, Scalar)
        for name, at in entry.places.items() if entry and setting in values else ():
            if flaw := order_flaw(name, alone=alone):
                reading.problems.add(at, f"{place}.{setting}", flaw)
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


def _check(
    reading: Reading, table: Table, strategy: Strategy | None, at: Mark, entries: Mapping[str, Entry]
) -> None:
    """Report contradictions in a table whose settings are valid one by one."""
    place = f"tables.{table.name}"
    for sentence in _asked(reading, table, at, strategy.problems, str) if strategy else ():
        reading.problems.add(at, place, sentence)
    for sentence in row_key.problems(table):
        reading.problems.add(at, place, sentence)
    if table.columns and table.exclude:
        sentence = "columns and exclude cannot both be given: keep one of them"
        reading.problems.add(entries["exclude"].at, f"{place}.exclude", sentence)
    never = table.compare_every == NEVER and not row_key.has_row_key(table)
    if never and table.deletes != "ignore":
        sentence = "compare_every: never finds no deletes: set a duration, or deletes: ignore"
        reading.problems.add(at, place, sentence)
    keysets = _keysets(reading, table, strategy, entries["strategy"].at if "strategy" in entries else at)
    marked_at = entries["soft_delete"].at if "soft_delete" in entries else at
    for sentence in _flaws_of_mark(table, keysets):
        reading.problems.add(marked_at, f"{place}.soft_delete", sentence)
    for column, role in _needed(table, keysets):
        if column in table.exclude:
            sentence = f"the {role} column {column} is needed and cannot be left out"
            reading.problems.add(entries["exclude"].places[column], f"{place}.exclude", sentence)
        if table.columns and column not in table.columns:
            sentence = f"does not name the {role} column {column}, which is needed"
            reading.problems.add(entries["columns"].value.at, f"{place}.columns", sentence)


def _keysets(reading: Reading, table: Table, strategy: Strategy | None, at: Mark) -> list[Keyset]:
    """The orders in which the strategy reads; one that no source knows is reported."""
    found = []
    for keyset in _asked(reading, table, at, strategy.keysets, Keyset) if strategy else ():
        if flaw := keyset_flaw(keyset):
            reading.problems.add(at, f"tables.{table.name}.strategy", f"{table.strategy}: {flaw}")
        else:
            found.append(keyset)
    return found


def _refuse_twin(reading: Reading, found: Mapping[str, Table], table: Table, at: Mark) -> None:
    """Report two entries for one table: each row would be copied twice."""
    other = next(
        (each for each in found.values() if each is not table and each.address == table.address), None
    )
    if other:
        sentence = f"is the table {'.'.join(table.address)}, and so is {other.name}: keep one of them"
        reading.problems.add(at, f"tables.{table.name}", sentence)


def _refuse_other_was(
    reading: Reading,
    found: Mapping[str, Table],
    table: Table,
    own: Mapping[str, Entry],
    entries: Mapping[str, Entry],
) -> None:
    """Report a former name that another entry has, now or as its former one: the state is of one of them."""
    other = next((each for each in found.values() if each is not table and each.was == table.was), None)
    flaw = None
    if table.was == table.name:
        flaw = f"{table.name} is the name that it has now"
    elif table.was in entries:
        flaw = f"there is a table {table.was}, which keeps that state: remove one of the two"
    elif table.was and other:
        flaw = f"{other.name} was {table.was} too: only one of them can keep its state"
    if flaw:
        reading.problems.add(own["was"].at, f"tables.{table.name}.was", flaw)


def refuse_same_place(
    reading: Reading, found: Sequence[Table], declared: Entry | None, sides: Sequence[Endpoint] | None
) -> None:
    """Report two tables that one side keeps in one place: their rows would be mixed."""
    if sides is None or declared is None:
        return
    host, (source, sink) = reading.host, sides
    of_sides: dict[str, tuple[Registry[Any], str]] = {
        "source": (host.sources, source.backend),
        "sink": (host.sinks, sink.backend),
    }
    for side, (registry, name) in of_sides.items():
        if name not in registry:
            continue  # a lenient reading goes on without it
        place, plugin = registry.get(name).place, host.owner(registry, name)
        taken: dict[str, Table] = {}
        for table in found if place else ():
            at = declared.settings[table.name].at
            question = Question("failed to say where it keeps a table", partial(place, table), str, "a text")
            kept = reading.ask(plugin, at, f"tables.{table.name}", question)
            other = table if kept is None else taken.setdefault(kept, table)
            if other is not table:
                sentence = f"the {side} has one place for it and {other.name}: keep one of them"
                reading.problems.add(at, f"tables.{table.name}", sentence)


def _strategy(reading: Reading, table: Table, at: Mark) -> Strategy | None:
    """How the table is read; None where nobody knows, or where it cannot be made, which is reported."""
    if table.strategy not in reading.host.strategies:
        return None
    call = partial(_made, reading.host, table)
    question: Question[Strategy] = Question("failed to make it", call, object, "a strategy")
    plugin = reading.host.owner(reading.host.strategies, table.strategy)
    return reading.ask(plugin, at, f"tables.{table.name}.strategy", question)


def _made(host: Host, table: Table) -> Strategy:
    """The strategy; an error at the place of the table does not repeat its name."""
    try:
        return strategy_of(host, table)
    except SupasyncError as err:
        raise err.amended(message=err.message.removeprefix(f"{table.name}: ")) from err


def _marked(reading: Reading, table: Table, at: Mark, strategy: Strategy | None) -> Table:
    """The table with the column by which its strategy says that rows are deleted, if it says so."""
    if table.soft_delete or not isinstance(strategy, Marking):
        return table
    call = partial(strategy.deleted_by, table)
    question = Question("failed in deleted_by", call, str | None, "the name of a column, or None")
    plugin = reading.host.owner(reading.host.strategies, table.strategy)
    return replace(table, soft_delete=reading.ask(plugin, at, f"tables.{table.name}", question))


def _flaws_of_mark(table: Table, keysets: Iterable[Keyset]) -> Iterator[str]:
    """Why rows cannot be marked as deleted by that column."""
    mark = table.soft_delete
    if mark is None:
        return
    if mark in table.key:
        yield f"{mark} is in the key, which is never NULL: name the column that is set in a deleted row"
    elif any(each.column == mark for each in keysets):
        yield f"{mark} is what rows are read by: a deleted row would be read, and its mark is never NULL"
    if row_key.has_row_key(table):
        yield f"a table with key: {row_key.ROW_KEY} is read as a whole, and cannot have soft_delete"


def _asked(
    reading: Reading, table: Table, at: Mark, ask: Callable[[Table], Iterable[T]], each: type[T]
) -> Sequence[T]:
    """What the strategy says of the table; nothing, and reported, where it fails."""
    call = partial(_listed, ask, table)
    question = Question(f"failed in {ask.__name__}", call, list, f"a list of {each.__name__}", ask, each)
    plugin = reading.host.owner(reading.host.strategies, table.strategy)
    return reading.ask(plugin, at, f"tables.{table.name}", question) or ()


def _listed(ask: Callable[[Table], Any], table: Table) -> Any:  # noqa: ANN401 - whatever it is
    """The answer as a list; a text, which is a list of letters, stays what it is."""
    found = ask(table)
    return found if isinstance(found, str) or found is None else list(found)


def _needed(table: Table, keysets: Iterable[Keyset]) -> Iterator[tuple[str, str]]:
    """The columns without which the table cannot be read, each with its role."""
    yield from ((column, "key") for column in table.key)
    ordering = {keyset.column: None for keyset in keysets if keyset.column not in table.key}
    for column in filter(None, ordering):
        yield column, "timestamp" if column in table.timestamp else "cursor"
