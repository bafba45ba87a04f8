"""What NEW's functions of `supasync schema sql` tell, asked by SQL; None without them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from supasync_core.api.backend import Reference
from supasync_core.model.errors import RefusedError, RowError, SchemaError
from supasync_core.model.table import Table
from supasync_core.schema.catalog_parts import Parts, orphans_asked, parsed, values_of
from supasync_postgres.database import Database
from supasync_postgres.transaction import Statement


def structure(database: Database, tables: Sequence[Table]) -> Parts | None:
    """The parts of ``supasync_ready_structure`` for these tables."""
    asked = {"tables": [table.address for table in tables]}
    return parsed(called(database, "supasync_ready_structure", asked))


def orphans(
    database: Database, reference: Reference, values: Sequence[tuple[str, ...]]
) -> set[tuple[str, ...]] | None:
    """Those of the values that have no row to refer to."""
    return values_of(called(database, "supasync_ready_orphans", orphans_asked(reference, values)))


def called(database: Database, function: str, arguments: Mapping[str, object]) -> Any:  # noqa: ANN401 - JSON
    """What a function returns; None where NEW does not have it, or the user may not run it."""
    given = ", ".join(f'"{name}" => %s::jsonb' for name in arguments)
    texts = [json.dumps(value) for value in arguments.values()]
    statement = Statement(f"SELECT public.{function}({given})", texts, "schema")
    try:
        rows = database.one(statement).rows
    except (SchemaError, RowError, RefusedError) as err:
        err.raise_if_of_the_project()
        return None
    return json.loads(rows[0][0]) if rows and rows[0][0] else None
