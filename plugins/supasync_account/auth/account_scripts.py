"""The functions for accounts that a person pastes into OLD and NEW, which run named queries.

Each script creates its function, takes it from everybody but service_role and makes sure of that in one
statement: the function is never there for anybody else. See `function_rights`.
"""

# ruff: noqa: S608 - the queries are our own

import re
from collections.abc import Iterable, Mapping
from importlib.resources import files
from itertools import count
from typing import Final

from supasync_account.auth.account_door import ADMITTED, Project
from supasync_account.auth.account_extras import NAMES as NAMES_OF_EXTRAS
from supasync_account.auth.account_extras import chosen_tables, words
from supasync_account.auth.account_fragments import fragments
from supasync_account.auth.account_queries import MADE, QUERIES, READS, RECORDS, Query
from supasync_account.auth.account_session import REPINNED
from supasync_core.api.function_rights import closing, refusing
from supasync_core.api.run_step import ScriptAsked
from supasync_core.api.sql_session import PINNED
from supasync_core.model.printable import sql_text
from supasync_core.model.sql_template import with_parts

NAMES: Final[Mapping[Project, str]] = {"OLD": "supasync_auth_old", "NEW": "supasync_auth_new"}
"""The function of each project."""
VERSION: Final = 5
"""Of the functions."""
_VALUE: Final = re.compile(r"%s::(\w+)(\[\])?")
_RECORDS: Final = """\
    if to_regclass('public.supasync_accounts') is null then
        :made
    end if;"""


def asked(what: ScriptAsked) -> str:
    """The SQL that `supasync schema sql --auth` prints."""
    project: Project = "OLD" if what.project == "OLD" else "NEW"
    return removal(project) if what.uninstall else script(project, what.settings)


def script(project: Project, settings: Mapping[str, str]) -> str:
    """The function for this project; it admits what the section ``auth:`` wants to copy."""
    extras = chosen_tables(settings, {})
    tables = [each for each in ADMITTED if each in extras or each not in NAMES_OF_EXTRAS]
    queries = QUERIES if project == "NEW" else READS
    new = project == "NEW"
    parts = {
        "more": "".join(f", {each}" for each in words(extras)),
        "made": "".join(f"execute $made${_plain(QUERIES[each].text)}$made$;\n        " for each in MADE),
        "kind": "volatile" if new else "stable",
        "pinned": _pinned(),
        "fragments": f"$fragments${fragments('$1', tables)}$fragments$",
        "queries": "\n".join(
            f"            when '{name}' then {_quoted(query)}" for name, query in queries.items()
        ),
        "tables": _texts(tables),
        "silent": _texts(name for name, query in queries.items() if not query.answers),
        "firing": _texts(name for name, query in queries.items() if query.fires),
        "refusing": refusing(),
        "closing": closing(f"public.{NAMES[project]}(jsonb)"),
        "repinned": REPINNED,
        "version": str(VERSION),
        "name": NAMES[project],
    }
    parts |= {
        "remembered": with_parts(_file("account-remembered"), parts) if new else "",
        "opening": with_parts(_file("account-opening"), parts) if new else "",
        "records": with_parts(_RECORDS, parts) if new else "",
    }
    return with_parts(f"{_file(f'head-{project.lower()}')}{_file('account-function')}", parts)


def removal(project: Project) -> str:
    """What removes the function again."""
    verb, rest = ("read", "nothing else was added to OLD")
    if project == "NEW":
        verb, rest = "read and wrote", f"the table {RECORDS} stays until supasync schema sql --uninstall"
    return with_parts(_file("account-removal"), {"verb": verb, "rest": rest, "name": NAMES[project]})


def _file(name: str) -> str:
    return files("supasync_account.auth").joinpath("sql", f"{name}.sql").read_text("utf-8")


def _quoted(query: Query) -> str:
    """A query as a function holds it: its values are members of ``$1``, a JSON array."""
    values = len(_VALUE.findall(query.text)) // query.named
    places = (place % values for place in count())

    def value(found: re.Match[str]) -> str:
        at = next(places)
        if found[2]:
            texts = (
                "select v.value from pg_catalog.jsonb_array_elements_text("
                f"$1 operator(pg_catalog.->) {at}) v (value)"
            )
            return f"(array({texts}))::{found[1]}[]"
        return f"($1 operator(pg_catalog.->>) {at})::{found[1]}"

    return f"$query${_plain(_VALUE.sub(value, query.text))}$query$"


def _texts(names: Iterable[str]) -> str:
    return ", ".join(map(sql_text, names))


def _plain(text: str) -> str:
    return text.replace("%%", "%")


def _pinned() -> str:
    settings = {name: sql_text(value) for name, value in PINNED.items()}
    settings["search_path"] = PINNED["search_path"]  # a list of names, not a text
    return "\n".join(f"set {name} = {value}" for name, value in settings.items())
