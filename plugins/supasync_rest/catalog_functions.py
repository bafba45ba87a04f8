"""What NEW's catalog tells and its API does not: keys, by functions of `ready.sql` that only read."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from supasync_core.api.backend import Reference, Unique
from supasync_core.model.errors import RefusedError, RowError, SchemaError
from supasync_core.model.table import Table
from supasync_rest.client import Client
from supasync_rest.messages import Request, Response
from supasync_rest.rest_errors import StatementTimeoutError

_AT_ONCE: Final = 50
"""Tables that one address can name."""
_UNKNOWN: Final = (SchemaError, RowError, StatementTimeoutError)
"""What a NEW answers that has no such function, or one that may not look."""


def told(client: Client, tables: Sequence[Table]) -> Mapping[str, list[Any]] | None:
    """The parts of ``supasync_ready_structure`` for these tables; None where NEW cannot tell."""
    parts: dict[str, list[Any]] = {}
    for at in range(0, len(tables), _AT_ONCE):
        named = json.dumps([table.address for table in tables[at : at + _AT_ONCE]])
        path = f"/rpc/supasync_ready_structure?tables={quote(named, safe='')}"
        found = _asked(client, Request(method="GET", path=path, purpose="schema"))
        if not isinstance(found, dict):
            return None
        for name, rows in found.items():
            parts.setdefault(name, []).extend(rows)
    return parts


def references(client: Client, tables: Sequence[Table]) -> list[Reference] | None:
    """The tables' foreign keys with their true pairs of columns; None where NEW cannot tell."""
    return _listed(told(client, tables), "references")


def referring(client: Client, tables: Sequence[Table]) -> list[Reference] | None:
    """Keys of other tables that act when a row of these is deleted; None where NEW cannot tell."""
    return _listed(told(client, tables), "referring")


def _listed(parts: Mapping[str, list[Any]] | None, name: str) -> list[Reference] | None:
    if parts is None or name not in parts:
        return None
    return [
        Reference(
            name=each["name"],
            table=(each["schema"], each["table"]),
            parent=(each["parent_schema"], each["parent"]),
            pairs=tuple((mine, theirs) for mine, theirs in each["pairs"]),
        )
        for each in parts[name]
    ]


def uniques(client: Client, tables: Sequence[Table]) -> dict[tuple[str, str], list[Unique]] | None:
    """The columns by which each of the tables can merge rows; None where NEW cannot tell."""
    parts = told(client, tables) if tables else {"uniques": []}
    if parts is None or "uniques" not in parts:
        return None
    found: dict[tuple[str, str], list[Unique]] = {table.address: [] for table in tables}
    for each in parts["uniques"]:
        found[each["schema"], each["table"]].append(Unique(tuple(each["columns"]), nullable=each["nullable"]))
    return found


def orphans(
    client: Client, reference: Reference, values: Sequence[tuple[str, ...]]
) -> set[tuple[str, ...]] | None:
    """Those of the values that have no row to refer to; None where NEW cannot tell."""
    schema, table = reference.table
    given = {
        "reference": {"schema": schema, "table": table, "name": reference.name},
        "given": [list(each) for each in values],
    }
    request = Request(
        method="POST",
        path="/rpc/supasync_ready_orphans",
        purpose="lookup",
        headers={"Content-Type": "application/json"},
        body=json.dumps(given).encode(),
    )
    found = _asked(client, request)
    return {tuple(each) for each in found} if isinstance(found, list) else None


def _asked(client: Client, request: Request) -> Any:  # noqa: ANN401 - JSON
    def parsed(answer: Response) -> Any:  # noqa: ANN401 - JSON
        try:
            return json.loads(answer.body)
        except ValueError:
            return None

    try:
        return client.send(request, parsed)
    except RefusedError as err:
        if err.reason:  # a wrong key, a quota: of the whole project
            raise
        return None
    except _UNKNOWN:
        return None
