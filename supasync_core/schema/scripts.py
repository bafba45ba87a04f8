"""The SQL that a person pastes into NEW, or into OLD; supasync itself runs it in NEW alone, and when told to.

Each script looks up no name in the search path, may be run again, finds what it is about in `pg_catalog`,
needs no superuser, and ends with a query whose result shows what holds now. The files are in ``sql/``:
``:synced`` is the list of tables, and a line with another name behind a colon is the script of that name.
"""

import re
from collections.abc import Iterable
from importlib.resources import files

from supasync_core.api import digesting
from supasync_core.api.function_rights import callers, closed, closing
from supasync_core.api.sql_session import PINNED
from supasync_core.model.printable import sql_text
from supasync_core.model.row_key import has_row_key
from supasync_core.model.sql_template import with_parts
from supasync_core.model.table import Table

_PART = re.compile(r"^:([a-z_]+)$", re.MULTILINE)
_QUOTE = "$supasync$"
ACCOUNTS = (("auth", "users"), ("auth", "identities"), ("auth", "mfa_factors"))
"""Tables that are written although tables.yaml does not name them, where accounts are copied."""
_STATE = ("public.supasync_begin(text, text, text, integer, boolean)", "public.supasync_save(uuid, jsonb)")
_READY = (
    "public.supasync_ready(jsonb)",
    "public.supasync_ready_structure(jsonb)",
    "public.supasync_ready_orphans(jsonb, jsonb)",
)
_DIGEST = "public.supasync_digest(jsonb)"
_INNER = "public.supasync_ready_sequences(jsonb)"
_RIGHTS = {
    "callers": callers(*_STATE, *_READY, _DIGEST, _INNER, "public.supasync_auth_new(jsonb)"),
    "digest_rights": closing(_DIGEST),  # in the statement that makes it
    "horizon_rights": closed(closing("public.supasync_horizon(jsonb)")),
    "state_rights": closed(closing(*_STATE)),
    "ready_rights": closed(closing(*_READY, inner=[_INNER])),
    "fence_rights": closed(closing(inner=["public.supasync_fence()", "public.supasync_fence_begin()"])),
}
"""Who may call what the scripts make; ``callers`` asks for whoever may and should not."""
_NO_PATH = "select pg_catalog.set_config('search_path', '', false);\n"
"""The first line of each script: a function planted in a schema of the search path never runs."""


def ready(tables: Iterable[Table] = ()) -> str:
    """For NEW: the state's table and functions, functions that only read; keys and grants of these tables."""
    schema = files("supasync_core.schema").joinpath("sql", "schema.sql").read_text("utf-8")
    # Some servers hand a JSON argument of an address over as a string.
    argument = "case jsonb_typeof(tables) when 'string' then (tables #>> '{}')::jsonb else tables end"
    asked = f"select t.value ->> 0, t.value ->> 1 from pg_catalog.jsonb_array_elements({argument}) t"  # noqa: S608
    text = _NO_PATH + _with_parts(schema) + with_parts(_filled("ready"), {"synced": asked})
    own = list(tables)
    if keyless := [table for table in own if has_row_key(table)]:
        text += script("row-keys", keyless)
    return text + script("grants-new", own) if own else text


def script(name: str, tables: Iterable[Table] = ()) -> str:
    """The script ``sql/NAME.sql`` with its parts and its tables; no name of a table can end its quotes."""
    text = _filled(name)
    places = [(table.schema, table.relation) for table in tables]
    if name == "triggers-guard":
        places += [place for place in ACCOUNTS if place not in places]
    rows = ", ".join(f"({sql_text(schema)}, {sql_text(relation)})" for schema, relation in places)
    quote = _QUOTE
    while quote in rows:
        quote = f"{quote[:-1]}_$"
    return _NO_PATH + with_parts(text.replace(_QUOTE, quote), {"synced": f"values {rows}"})


def of_step(text: str) -> str:
    """What a step of a plugin has for a person to paste, as a script like all others."""
    return _NO_PATH + text


def in_one_transaction(text: str) -> str:
    """The script for a session that others may get next: the search path that it sets ends with it."""
    return text.replace(_NO_PATH, _NO_PATH.replace("false", "true"))


def _filled(name: str) -> str:
    return _with_parts(files("supasync_core.schema").joinpath("sql", f"{name}.sql").read_text("utf-8"))


def _with_parts(text: str) -> str:
    return _PART.sub(lambda part: _part(part[1]), text)


def _part(name: str) -> str:
    if name in _RIGHTS:
        return _RIGHTS[name]
    match name:
        case "pinned":
            return _pinned()
        case "digest_tables":
            return digesting.of_tables("supasync_asked")
        case "digest_rows":
            return digesting.of_rows("supasync_asked")
    return _filled(name.replace("_", "-"))


def _pinned() -> str:
    """The settings that decide how values are printed, as those of a function; temporary tables are last."""
    settings = {name: sql_text(value) for name, value in PINNED.items()}
    settings["search_path"] = PINNED["search_path"]  # a list of names, not a text
    return "\n".join(f"set {name} = {value}" for name, value in settings.items())
