"""What NEW's catalog shows and its API does not, from functions of `ready.sql` that only read.

Each answer is None where NEW does not have the function, has an older one, or may not run it.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from supasync_core.api.backend import Reference
from supasync_core.model.table import Table
from supasync_core.schema.catalog_parts import orphans_asked, parsed, values_of
from supasync_rest.client import Client
from supasync_rest.messages import Request, Response
from supasync_rest.rest_errors import NOT_SHOWN

TABLES_AT_ONCE: Final = 50
"""Tables that one address can name."""


def structure(client: Client, tables: Sequence[Table]) -> Mapping[str, list[Any]] | None:
    """The parts of ``supasync_ready_structure`` for these tables."""
    parts: dict[str, list[Any]] = {}
    for at in range(0, len(tables), TABLES_AT_ONCE):
        path = f"/rpc/supasync_ready_structure?tables={addresses(tables[at : at + TABLES_AT_ONCE])}"
        found = parsed(_answer(client, Request(path=path, purpose="schema")))
        if found is None:
            return None
        for name, rows in found.items():
            parts.setdefault(name, []).extend(rows)
    return parts


def addresses(tables: Sequence[Table]) -> str:
    """Schema and name of each table as a JSON argument of an address, percent-encoded."""
    return quote(json.dumps([table.address for table in tables]), safe="")


def orphans(
    client: Client, reference: Reference, values: Sequence[tuple[str, ...]]
) -> set[tuple[str, ...]] | None:
    """Those of the values that have no row to refer to."""
    asked = orphans_asked(reference, values)
    return values_of(_answer(client, Request.call("supasync_ready_orphans", asked, "lookup")))


def _answer(client: Client, request: Request) -> Any:  # noqa: ANN401 - JSON
    def read(answer: Response) -> Any:  # noqa: ANN401 - JSON
        try:
            return json.loads(answer.body)
        except (ValueError, RecursionError):
            return None

    try:
        return client.send(request, read)
    except NOT_SHOWN as err:
        err.raise_if_of_the_project()
        return None
