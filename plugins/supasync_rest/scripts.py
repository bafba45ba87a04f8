"""The SQL that a person pastes into NEW, or into OLD, as pure functions; none of it is sent by supasync.

Each script looks no name up in the search path, may be run again, finds in `pg_catalog` what it is about,
needs no superuser, and ends with a query whose result shows what holds now. They stand in ``sql/``:
``:synced`` is the list of tables, and a line with another name behind a colon is the script of that name.
"""

import re
from collections.abc import Iterable
from importlib.resources import files

from supasync_core.model.printable import sql_text
from supasync_core.model.table import Table

_PART = re.compile(r"^:([a-z_]+)$", re.MULTILINE)
_QUOTE = "$supasync$"
_NO_PATH = "select pg_catalog.set_config('search_path', '', false);\n"
"""How each script begins: a function that somebody planted in a schema of the search path never runs."""


def ready() -> str:
    """For NEW: the table of the state and its two functions, and two for the switch that only read."""
    schema = files("supasync_rest").joinpath("schema.sql").read_text("utf-8")
    # Some servers hand a JSON argument of an address over as a string.
    given = "case jsonb_typeof(tables) when 'string' then (tables #>> '{}')::jsonb else tables end"
    asked = f"select t.value ->> 0, t.value ->> 1 from pg_catalog.jsonb_array_elements({given}) t"  # noqa: S608
    return _NO_PATH + schema + _filled("ready").replace(":synced", asked)


def row_keys(tables: Iterable[Table]) -> str:
    """For NEW: tables without a key take the one that supasync makes of their rows."""
    return _script("row-keys", tables)


def grants(tables: Iterable[Table]) -> str:
    """For NEW: service_role may read and write the tables."""
    return _script("grants-new", tables)


def grants_old(tables: Iterable[Table]) -> str:
    """For OLD: service_role may read the tables."""
    return _script("grants-old", tables)


def identity(tables: Iterable[Table], generated: str) -> str:
    """For NEW: GENERATED ALWAYS columns take numbers (``default``), and the same no more (``always``)."""
    return _script(f"identity-{generated}", tables)


def sequences(tables: Iterable[Table], what: str) -> str:
    """For NEW: all sequences beyond the largest key: ``set``, or only shown by ``check``."""
    return _script(f"sequences-{what}", tables)


def triggers(tables: Iterable[Table], switch: str) -> str:
    """For NEW: the user's own triggers on the tables: ``guard``, ``unguard``, ``off`` or ``on`` again."""
    return _script(f"triggers-{switch}", tables)


def foreign_keys(tables: Iterable[Table], switch: str) -> str:
    """For NEW: foreign keys to tables that are not copied ``off``, and the same ones ``on`` again."""
    return _script(f"foreign-keys-{switch}", tables)


def fence(tables: Iterable[Table], switch: str) -> str:
    """For NEW: it refuses a write of a run that lost its lease itself (``on``), or no more (``off``)."""
    return _script(f"fence-{switch}", tables)


def horizon() -> str:
    """For OLD: the function that tells the safe horizon and what each table holds."""
    return _script("horizon")


def uninstall() -> str:
    """For NEW: all of the above is undone, but for the grants."""
    return _script("uninstall-new")


def uninstall_old() -> str:
    """For OLD: the function goes."""
    return _script("uninstall-old")


def _script(name: str, tables: Iterable[Table] = ()) -> str:
    """The script with its parts and its tables; no name of a table can end its quotes."""
    text = _filled(name)
    rows = ", ".join(f"({sql_text(table.schema)}, {sql_text(table.relation)})" for table in tables)
    quote = _QUOTE
    while quote in rows:
        quote = f"{quote[:-1]}_$"
    return _NO_PATH + text.replace(_QUOTE, quote).replace(":synced", f"values {rows}")


def _filled(name: str) -> str:
    """The script with the parts that it names, and theirs."""
    return _PART.sub(lambda part: _filled(part[1].replace("_", "-")), _read(name))


def _read(name: str) -> str:
    return files("supasync_rest").joinpath("sql", f"{name}.sql").read_text("utf-8")
