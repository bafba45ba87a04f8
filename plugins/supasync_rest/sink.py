"""A project that rows go to: upserts of whole batches, with the source's own bytes."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from supasync_core.api.backend import Reference, Remark, Unique
from supasync_core.api.page_size import LARGEST
from supasync_core.api.registration import Context
from supasync_core.model import raw_json
from supasync_core.model.batch import Batch
from supasync_core.model.errors import BatchTooLargeError, LeftOverError, RowError
from supasync_core.model.last_rows import last_of_each_key
from supasync_core.model.table import Table
from supasync_core.model.wording import counted
from supasync_core.schema import catalog_warnings
from supasync_core.schema.catalog_parts import references_of, uniques_of
from supasync_rest import catalog_functions, pasted_functions, query
from supasync_rest.client import Client
from supasync_rest.messages import Request, Response
from supasync_rest.paging import RestPages
from supasync_rest.rest_errors import ComputedColumnError, StatementTimeoutError, TooLargeError
from supasync_rest.retry_policy import RetryPolicy

OWN = {"X-Supasync": "write"}
"""Guarded triggers of NEW recognize copied rows by it: see `triggers-writes.sql`."""
MERGE = "resolution=merge-duplicates"
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


class RestSink(RestPages):
    """Merges batches by the table's key: one POST, one statement, one transaction."""

    def __init__(self, context: Context, retry_policy: RetryPolicy | None = None) -> None:
        super().__init__(Client(context, ("GET", "HEAD", "POST", "DELETE"), retry_policy))
        self._computed: dict[tuple[str, str], set[str]] = {}
        self._note = context.note

    def function(self, name: str, asked: Mapping[str, Any], purpose: str) -> Any:  # noqa: ANN401 - JSON
        return pasted_functions.posted(self._client, name, asked, purpose)

    def computed(self, table: Table) -> frozenset[str]:
        return frozenset(self._computed.get(table.address, ()))

    def remarks(self, tables: Sequence[Table]) -> Sequence[Remark]:
        return catalog_warnings.of_catalog(tables, catalog_functions.structure(self._client, tables))

    def references(self, tables: Sequence[Table]) -> Sequence[Reference] | None:
        return references_of(catalog_functions.structure(self._client, tables))

    def uniques(self, tables: Sequence[Table]) -> Mapping[tuple[str, str], Sequence[Unique]] | None:
        return uniques_of(catalog_functions.structure(self._client, tables), tables)

    def referring(self, tables: Sequence[Table]) -> Sequence[Reference] | None:
        return references_of(catalog_functions.structure(self._client, tables), "referring")

    def orphans(self, reference: Reference, values: Sequence[tuple[str, ...]]) -> set[tuple[str, ...]] | None:
        return catalog_functions.orphans(self._client, reference, values)

    def upsert(self, table: Table, batch: Batch) -> int:
        """Write all rows or none; columns that the table computes itself are left out and noted."""
        if not batch.count:
            return 0
        last = last_of_each_key(table, batch)
        body, expected = last.body, last.count
        if expected < batch.count:
            key = ", ".join(table.key)
            self._note(f"{table.name}: several rows have the same key ({key}), only the last is kept")
        if len(batch.body) > LARGEST and batch.count > 1:
            what = f"{table.name}: {len(batch.body):,} bytes are too many for one request"
            raise BatchTooLargeError(TooLargeError(what, table=table.name))
        try:
            self._merge_known(table, batch.columns, body, expected)
        except (TooLargeError, StatementTimeoutError) as err:
            raise BatchTooLargeError(err) from err
        return batch.count

    def _merge_known(self, table: Table, names: Sequence[str], body: bytes, expected: int) -> None:
        computed = self._computed.setdefault(table.address, set())
        while True:
            columns = [name for name in names if name not in {*table.exclude, *computed}]
            try:
                self._merge(table, columns, body, expected)
            except ComputedColumnError as err:
                if err.column not in columns or err.column in table.key:
                    raise
                computed.add(err.column)
                self._note(f"{table.name}: {self._client.project} computes {err.column} itself")
            except RowError as err:
                if err.sqlstate == "22P05":
                    err.message += f": {_columns_with_nul(body)}"
                raise
            else:
                return

    def delete(self, table: Table, keys: Sequence[Sequence[str]]) -> int:
        """Remove the rows of these keys; the server itself refuses to remove more than were named.

        SchemaError for a higher count, from a server that does not know ``max-affected``.
        """
        wanted = table.exact_keys(keys)
        named = [key for key in wanted if query.fits(table.key, key)]
        removed = sum(self._delete(table, path, most) for path, most in query.deletions(table, named))
        if left := len(wanted) - len(named):
            rows = counted(left, "row stays: its key is", "rows stay: their keys are")
            raise LeftOverError(
                f"{table.name}: {rows} too long for an address", table=table.name, left=left, removed=removed
            )
        return removed

    def _delete(self, table: Table, path: str, most: int) -> int:
        guard = f"handling=strict,max-affected={most}"
        request = Request(
            method="DELETE",
            path=path,
            purpose="delete",
            table=table,
            headers={**OWN, "Prefer": f"{guard},return=minimal,count=exact"},
            unsettled=True,
        )

        def removed(answer: Response) -> int:
            if answer.total is None:
                raise self._client.unfit(request, "without a count of the rows it deleted", answer)
            return answer.total

        count = self._client.send(request, removed)
        if count > most:
            raise table.schema_error(
                f"{self._client.project} deleted {count} rows although {most} were named",
                hint=f"({', '.join(table.key)}) names several rows there: declare a unique key",
            )
        return count

    def _merge(self, table: Table, columns: list[str], body: bytes, expected: int) -> None:
        """One POST, and its confirmation.

        ``columns=`` lets PostgreSQL parse the body, so that no number is rounded and no json text changed
        (measured); without it, or with ``missing=default``, they would be.
        """
        targets = [("on_conflict", query.names(table.key)), ("columns", query.names(columns))]
        request = Request(
            method="POST",
            path=query.path(table, targets),
            purpose="upsert",
            table=table,
            headers={
                **OWN,
                "Content-Type": "application/json",
                "Prefer": f"{MERGE},return=minimal,count=exact",
            },
            body=body,
            unsettled=True,
            eased=True,
        )

        def confirmed(answer: Response) -> None:
            if answer.total is None:
                raise self._client.unfit(request, "without a count of the rows it wrote", answer)
            self._check(table, answer, expected)

        self._client.send(request, confirmed)

    def _check(self, table: Table, answer: Response, expected: int) -> None:
        """SchemaError unless every row was written, and merged.

        Without ``resolution=`` among the applied preferences it was a plain INSERT (measured on a table
        without a primary key). A server that lists none at all still got the key by ``on_conflict``.
        """
        project = self._client.project
        applied = answer.headers.get("preference-applied")
        if applied is not None and MERGE not in applied:
            raise table.schema_error(
                f"{project} inserted rows instead of merging them by ({', '.join(table.key)})",
                hint="give the table a primary key there; it may have duplicate rows now",
            )
        if answer.total != expected:
            raise table.schema_error(
                f"{project} wrote {answer.total} of {expected} rows",
                hint="a trigger or rule on the table drops rows: change or drop it",
            )


def _columns_with_nul(body: bytes) -> str:
    """The columns with a text that PostgreSQL cannot store: its error names none (measured)."""
    rows = map(raw_json.cells, raw_json.split(body))
    names = dict.fromkeys(name for cells in rows for name, text in cells.items() if _NUL.search(text))
    return f"{', '.join(names)} contains \\u0000"
