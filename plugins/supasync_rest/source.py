"""A project that rows come from: nothing but GET and HEAD ever goes there."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from supasync_core.api.backend import Remark, Survey
from supasync_core.api.registration import Context
from supasync_core.model.batch import Batch, Cursor, Key, Keyset, Span, Window
from supasync_core.model.row_key import COLUMN, ROW_KEY, has_row_key
from supasync_core.model.table import Shape, Table
from supasync_core.model.timestamps import Instant
from supasync_rest import query
from supasync_rest.client import Client
from supasync_rest.horizon_function import Asked, survey
from supasync_rest.inheritance import InheritanceCheck
from supasync_rest.keyless_tables import PLACE, KeylessTables
from supasync_rest.messages import Request
from supasync_rest.paging import RestPages
from supasync_rest.retry_policy import RetryPolicy


class RestSource(RestPages):
    """Only ever read."""

    orders_by_key = True

    def __init__(self, context: Context, retry_policy: RetryPolicy | None = None) -> None:
        super().__init__(Client(context, ("GET", "HEAD"), retry_policy))
        self._surveyed = context.settings.get("horizon") == "true"
        self._bytes: int | None = None
        self._keyless = KeylessTables(super().read, super().rows, super().shape)

    def takes_row_keys(self) -> bool:
        return True

    def shape(self, table: Table) -> Shape:
        found = super().shape(table)
        if found.known and has_row_key(table) and ROW_KEY not in found.names:
            return replace(found, columns=(*found.columns, COLUMN))
        return found

    def read(self, table: Table, window: Window) -> Batch:
        return self._keyless.page(table, window) if self._is_keyless(table) else super().read(table, window)

    def rows(self, table: Table, columns: Sequence[str], values: Sequence[Sequence[str]]) -> Iterator[Batch]:
        rows = self._keyless.lookup if self._is_keyless(table) else super().rows
        return rows(table, columns, values)

    def count(self, table: Table, window: Window | None = None) -> int:
        if not self._is_keyless(table):
            return super().count(table, window)
        if window and any(span.after or span.to for span in window.spans):
            return self._keyless.page(table, replace(window, counted=True)).total or 0
        return super().count(replace(table, key=(PLACE,)), window)

    def key_behind(self, table: Table, after: Key, rows: int) -> Key | None:
        """One row of the key's columns alone, so many rows behind the key: an offset from there, not from 0.

        None for a key of which a range would make an address too long.
        """
        if self._is_keyless(table) or not query.may_end_range(after):
            return None
        window = Window((Span(Keyset(None), after=Cursor(None, after)),), limit=1)
        request = Request(
            path=query.page(table, window, table.key, rows - 1), purpose="read", table=table, eased=True
        )
        keys = table.keys(self.page(request))
        return keys[0] if keys and query.may_end_range(keys[0]) else None

    def _is_keyless(self, table: Table) -> bool:
        """Whether the key is made here: a project that was a NEW has it as a column."""
        return has_row_key(table) and ROW_KEY not in super().shape(table).names

    def now(self) -> Instant | None:
        """The Date of the latest answer; None where a cache may have kept it (``Age``)."""
        return self._client.now()

    def remarks(self, tables: Sequence[Table]) -> Sequence[Remark]:
        return InheritanceCheck(self).remarks(tables)

    def survey(self, asked: Asked) -> Survey | None:
        """What ``supasync_horizon`` returns; it is only called if ``horizon: true`` says that it exists."""
        if not self._surveyed:
            return None
        found, self._bytes = survey(self._client, asked)
        return found

    def database_bytes(self) -> int | None:
        return self._bytes
