"""A project that rows come from: nothing but GET and HEAD ever goes there."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from supasync_core.api.backend import Remark, Survey
from supasync_core.api.keyless_tables import PLACE, KeylessTables, of_a_view
from supasync_core.api.registration import Context
from supasync_core.model.batch import Batch, Cursor, Key, Keyset, Span, Window
from supasync_core.model.table import Shape, Table
from supasync_core.model.timestamps import Instant
from supasync_rest import pasted_functions, query
from supasync_rest.client import Client
from supasync_rest.horizon_function import Asked, survey
from supasync_rest.inheritance import InheritanceCheck
from supasync_rest.messages import Request
from supasync_rest.paging import RestPages
from supasync_rest.rest_errors import MissingColumnError
from supasync_rest.retry_policy import RetryPolicy


class RestSource(RestPages):
    """Only ever read."""

    orders_by_key = True

    def __init__(self, context: Context, retry_policy: RetryPolicy | None = None) -> None:
        super().__init__(Client(context, ("GET", "HEAD"), retry_policy))
        self._surveyed = context.settings.get("horizon") == "true"
        self._bytes: int | None = None
        self._keyless = KeylessTables(self._placed, super().rows, super().shape, super().count)

    def takes_row_keys(self) -> bool:
        return True

    def shape(self, table: Table) -> Shape:
        return self._keyless.described(table)

    def read(self, table: Table, window: Window) -> Batch:
        return self._keyless.paged(table, window)

    def rows(self, table: Table, columns: Sequence[str], values: Sequence[Sequence[str]]) -> Iterator[Batch]:
        return self._keyless.matching(table, columns, values)

    def count(self, table: Table, window: Window | None = None) -> int:
        return self._keyless.counted(table, window)

    def key_behind(self, table: Table, after: Key, rows: int) -> Key | None:
        """One row of the key's columns alone, so many rows behind the key: an offset from there, not from 0.

        None for a key of which a range would make an address too long.
        """
        if self._keyless.makes(table) or not query.may_end_range(after):
            return None
        window = Window((Span(Keyset(None, table.marks), after=Cursor(None, after)),), limit=1)
        request = Request(
            path=query.page(table, window, table.key, rows - 1), purpose="read", table=table, eased=True
        )
        keys = table.keys(self.page(request))
        return keys[0] if keys and query.may_end_range(keys[0]) else None

    def _placed(self, table: Table, window: Window) -> Batch:
        """A page of any table, also in the order of its rows' places."""
        try:
            return super().read(table, window)
        except MissingColumnError as err:
            if table.key != (PLACE,):
                raise
            raise of_a_view(table, err.message.removeprefix(f"{table.name}: ")) from err

    def function(self, name: str, asked: Mapping[str, Any], purpose: str) -> Any:  # noqa: ANN401 - JSON
        return pasted_functions.read(self._client, name, asked, purpose)

    def now(self) -> Instant | None:
        """The Date of the latest answer."""
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
