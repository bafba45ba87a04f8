"""What both sides can tell of a table: rows as PostgREST prints them, and texts of what JSON cannot carry."""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import ceil
from typing import Final

from supasync_core.api.backend import Remark
from supasync_core.api.base import BaseSide
from supasync_core.api.page_size import LARGEST, PageSizes
from supasync_core.api.registration import Context
from supasync_core.api.sql_backend import refuse_unknown
from supasync_core.api.sql_window import Parameters
from supasync_core.model.batch import Batch, Keyset, Span, Window
from supasync_core.model.errors import LargeAnswerError, SchemaError
from supasync_core.model.page_order import Onward
from supasync_core.model.same_key import readable
from supasync_core.model.table import Column, Shape, Table
from supasync_core.model.timestamps import Horizon, Instant
from supasync_core.system.addresses import LOOPBACK
from supasync_postgres.catalog import HIDDEN, PgColumn, PgTable, Tables
from supasync_postgres.database import shared
from supasync_postgres.page_query import exact_texts, page_of, parsed, relation
from supasync_postgres.pg_window import PgWindow
from supasync_postgres.snapshots import Snapshots
from supasync_postgres.sql_door import PgSession
from supasync_postgres.transaction import Found, Statement

AT_ONCE: Final = 500
"""Rows that one statement names."""
_CERTIFICATE: Final = (
    "download its certificate (Dashboard -> Project Settings -> Database -> SSL Configuration) and add "
    "?sslrootcert=prod-ca.crt to url:"
)
_CAST_AWAY: Final = "list the column under exclude:, or drop the cast there, or copy the table over rest"
_MODIFIER: Final = re.compile(r"\(\d+(,-?\d+)?\)")
SYSTEM: Final = ("xmin", "tableoid", "ctid")
"""Columns that every table has, and no description lists."""
NOW: Final = "(extract(epoch from statement_timestamp()) * 1000000)::bigint"


class PgRows(BaseSide):
    """A database's tables, read by statements that only read."""

    hidden: Sequence[str] = HIDDEN
    orders_by_key = True

    def __init__(
        self, context: Context, *, read_only: bool, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.database = shared(context, read_only=read_only, sleep=sleep)
        self.catalog = Tables(self.database, context.tables)
        self.snapshot = Snapshots(self.database)
        self._latest: Horizon | None = None
        self.sizes = PageSizes()

    def shape(self, table: Table) -> Shape:
        return self.catalog.table(table).shape

    def declared(self, table: Table) -> Mapping[str, str]:
        """A domain is left out, and every type that may be defined otherwise elsewhere."""
        columns = self.catalog.table(table).columns
        return {
            each.name: each.declared
            for each in columns
            if _MODIFIER.sub("", each.declared) == each.told.type and "." not in each.told.type
        }

    def tables(self, schema: str) -> dict[str, Shape]:
        """All tables and views of the schema that the user has any right on."""
        return dict(self.catalog.schema(schema))

    def schemas(self) -> Sequence[str] | None:
        return self.catalog.schemas()

    def now(self) -> Instant | None:
        """The server's time at its latest page."""
        return self._latest.at if self._latest else None

    def sql(self) -> PgSession:
        """A session on this database, as `supasync_core.api.sql_session` has it."""
        return PgSession(self.database)

    def remarks(self, tables: Sequence[Table]) -> Sequence[Remark]:
        """Casts that reading would run, and a server on another machine that is not verified."""
        found = [
            Remark(
                kind="cast", level="problem", table=table.name, text=f"{table.name}: {text}", hint=_CAST_AWAY
            )
            for table in tables
            if (text := self._casts(table))
        ]
        address = self.database.address
        if address.tls in ("verify-full", "verify-ca") or address.host in LOOPBACK:
            return found
        text = f"{self.database.project}: the connection is encrypted, but the server is not verified"
        return [*found, Remark(kind="connection", level="warning", table=None, text=text, hint=_CERTIFICATE)]

    def close(self) -> None:
        self.database.close()

    def count(self, table: Table, window: Window | None = None) -> int:
        """The exact number of rows."""
        sql = self.checked(table, window)
        text = f"SELECT count(*) FROM {relation(table)} WHERE {sql.where(window)}"  # noqa: S608 - names are quoted
        return int(self.asked(table, text, sql, "count")[0].text())

    def read(self, table: Table, window: Window) -> Batch:
        """One page of the window, counted by the statement that reads it: both see the same rows."""
        return self.sizes.page(table.name, window, lambda each: self._read(table, each))

    def _read(self, table: Table, window: Window) -> Batch:
        sql = self.checked(table, window)
        total = (
            f"(SELECT count(*) FROM {relation(table)} WHERE {sql.where(window)})"  # noqa: S608 - names are quoted
            if window.counted
            else "null"
        )
        return self._page(table, sql, total, sql.page(window), LARGEST)

    def rows(self, table: Table, columns: Sequence[str], values: Sequence[Sequence[str]]) -> Iterator[Batch]:
        """The rows that have these texts, some at once: in halves where they are more than a page."""
        refuse_unknown(table, self._known(table), columns)
        values = readable(self.catalog.table(table).shape, columns, values)
        most = self.sizes.limit(table.name, AT_ONCE)
        for start in range(0, len(values), most):
            yield from self._looked_up(table, columns, values[start : start + most])

    def _looked_up(
        self, table: Table, columns: Sequence[str], values: Sequence[Sequence[str]]
    ) -> Iterator[Batch]:
        try:
            page = self._lookup(table, columns, values)
        except LargeAnswerError:
            if len(values) == 1:
                raise
            page = None
        if page and page.total in (None, page.count):
            yield page
            return
        if len(values) == 1:
            yield from self._of_one_value(table, columns, values)
            return
        half = len(values) // 2
        yield from self._looked_up(table, columns, values[:half])
        yield from self._looked_up(table, columns, values[half:])

    def _lookup(self, table: Table, columns: Sequence[str], values: Sequence[Sequence[str]]) -> Batch:
        """Those rows up to the bytes of a page, and how many there are."""
        sql = self._window(table)

        def which() -> str:
            return f"WHERE {sql.where()} AND {sql.any_of(columns, values)}"

        total = f"(SELECT count(*) FROM {relation(table)} {which()})"  # noqa: S608 - names are quoted
        return self._page(table, sql, total, which(), LARGEST)

    def _of_one_value(
        self, table: Table, columns: Sequence[str], values: Sequence[Sequence[str]]
    ) -> Iterator[Batch]:
        """Page by page in the order of the key: any number of rows may have the value."""
        if table.columns:
            table = replace(table, columns=tuple(dict.fromkeys((*table.columns, *table.key))))
        onward, span = Onward(table), Span(Keyset(None))
        while True:
            sql, window = self._window(table), Window((span,), table.page_size)
            found = f"WHERE {sql.where(window)} AND {sql.any_of(columns, values)}"
            page = self._page(
                table, sql, "null", f"{found} ORDER BY {sql.order(window)} LIMIT {window.limit}", LARGEST
            )
            if not page.count:
                return
            yield page
            span = Span(Keyset(None), after=onward.behind(page))

    def _page(self, table: Table, sql: PgWindow, total: str, which: str, largest: int) -> Batch:
        """The rows, up to so many bytes: at least one, if there is any."""
        self._refuse_casts(table)
        chosen = self.chosen(table)
        page = page_of(chosen)
        place = f"{relation(table)} {which}"
        text = f"SELECT {NOW}, {total}, {page.aggregated} FROM ({page.limited(place, largest)}) {page.name}"  # noqa: S608 - names are quoted
        began = time.monotonic()
        found, taken = self.asked(table, text, sql, "read")
        at, count, body, beyond = found.rows[0]
        read_at = self.read_at(int(at or b"0"), taken, began)
        total_rows = None if count is None else int(count)
        return Batch(parsed(body or b"[]", chosen), total_rows, read_at, exact=exact_texts(beyond))

    def read_at(self, asked: Instant, taken: Instant | None, began: float) -> Horizon:
        """The time of a page: when it was asked for, or its snapshot ``taken``, and how long it took."""
        seen = min(asked, taken or asked)
        self._latest = Horizon(seen + ceil((time.monotonic() - began) * 1_000_000), sent=seen)
        return self._latest  # `now` tells that of whichever thread: a page keeps its own

    def asked(self, table: Table, text: str, sql: PgWindow, purpose: str) -> tuple[Found, Instant | None]:
        values = list(sql.parameters.values)
        statement = Statement(text, values, purpose, table, alone=table.where is not None)
        return self.snapshot.asked(statement)

    def checked(self, table: Table, window: Window | None) -> PgWindow:
        """The conditions of a statement; SchemaError where they would name a column that is not there."""
        keysets = [span.keyset for span in window.spans] if window else []
        ordering = [name for keyset in keysets for name in (keyset.column, *keyset.nulls) if name]
        refuse_unknown(table, self._known(table), (*table.key, *table.columns, *ordering))
        return self._window(table)

    def _window(self, table: Table) -> PgWindow:
        self._refuse_casts(table.narrowed((*table.key, *table.timestamp)))
        columns = self.catalog.table(table).columns
        types = {each.name: each.told.type for each in columns if each.order != "pg_catalog"}
        orders = {each.name: each.order for each in columns}
        return PgWindow(table, Parameters("format"), types=types, orders=orders)

    def _known(self, table: Table) -> list[Column]:
        shape = self.catalog.table(table).shape
        return [*shape.columns, *(Column(name) for name in SYSTEM if name not in shape.names)]

    def chosen(self, table: Table) -> list[PgColumn]:
        """The columns to read; excluded ones do not travel, unless the cursor needs them."""
        known: PgTable = self.catalog.table(table)
        named = known.named
        wanted = table.columns or tuple(named)
        left_out = set(table.exclude) - {*table.key, *table.timestamp}
        return [named.get(name) or _system(name) for name in wanted if name not in left_out]

    def _refuse_casts(self, table: Table) -> None:
        if text := self._casts(table):
            raise table.schema_error(text, hint=_CAST_AWAY)

    def _casts(self, table: Table) -> str | None:
        """That reading the table would run somebody's code; None if it would not, or is not known."""
        try:
            chosen = self.chosen(table)
        except SchemaError:
            return None
        names = ", ".join(f"{each.name} ({each.declared})" for each in chosen if each.cast == "within")
        what = "runs a function that somebody wrote as a cast of its type"
        return f"{self.database.project}: reading {names} {what}" if names else None


def _system(name: str) -> PgColumn:
    return PgColumn(
        Column(name),
        declared="text",
        computed=True,
        always=False,
        beyond="",
        cast="",
        order="pg_catalog",
        loose=False,
    )
