"""A table read page by page, on either side."""

from dataclasses import replace

from supasync_core.batch import Batch, Window
from supasync_core.tables import Table
from supasync_rest import query
from supasync_rest.answers import Request
from supasync_rest.client import Client
from supasync_rest.errors import StatementTimeoutError
from supasync_rest.side import RestSide


class RestPages(RestSide):
    """Pages as PostgREST printed them."""

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self._limits: dict[str, int] = {}
        self._keyed: set[Table] = set()

    def read(self, table: Table, window: Window) -> Batch:
        """One page; where its statement takes too long it is asked without a count, then for fewer rows.

        The limit that worked is kept for the rest of the process.
        """
        batch = self._easily(table, window)
        if window.counted and (batch.total != batch.count or _leaves_out_null_keys(table, window)):
            self._refuse_null_keys(table)
        return batch

    def _easily(self, table: Table, window: Window) -> Batch:
        limit = min(window.limit, self._limits.get(table.name, window.limit))
        *easier, easiest = _ever_easier(replace(window, limit=limit))
        for attempt in easier:
            try:
                return self._page(table, attempt)
            except StatementTimeoutError:
                self._limits[table.name] = attempt.limit
        if easier:
            self._limits[table.name] = easiest.limit
        return self._page(table, easiest)

    def _refuse_null_keys(self, table: Table) -> None:
        """SchemaError where a row has NULL in the key: no page that goes on behind a key would hold it."""
        if table in self._keyed:
            return
        time_of_the_page = self._client.horizon
        path = query.without_key(table)
        for row in self.page(Request(method="GET", path=path, purpose="read", table=table)).rows:
            table.place(row, None)
        self._client.horizon = time_of_the_page
        self._keyed.add(table)

    def _page(self, table: Table, window: Window) -> Batch:
        return self.page(
            Request(
                method="GET",
                path=query.page(table, window, self._columns(table)),
                purpose="read",
                table=table,
                headers={"Prefer": "count=exact"} if window.counted else {},
                eased=True,
            )
        )

    def _columns(self, table: Table) -> tuple[str, ...]:
        """What to select: nothing is named where every column is wanted, so that new ones come along.

        Excluded columns do not travel, except where the cursor is made of them.
        """
        needed = {*table.key, *table.timestamp}
        left_out = set(table.exclude) - needed
        columns = table.columns
        if left_out and not columns:
            columns = tuple(column.name for column in self.shape(table).columns)
        return tuple(column for column in columns if column not in left_out)


def _leaves_out_null_keys(table: Table, window: Window) -> bool:
    """Whether the table is read from its beginning in the order of a key column, as ``append`` does."""
    return any(span.keyset.column in table.key and span.beyond is None for span in window.spans)


def _ever_easier(window: Window) -> list[Window]:
    """The window, the same without a count, then for a tenth and a hundredth of its rows."""
    counted = [window] if window.counted else []
    limits = (window.limit, window.limit // 10, window.limit // 100)
    return [*counted, *(replace(window, counted=False, limit=limit) for limit in limits if limit)]
