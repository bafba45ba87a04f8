"""A table read page by page, on either side."""

import json
import re
from dataclasses import replace
from threading import Lock

from supasync_core.api.page_size import LARGEST, PageSizes
from supasync_core.model import timestamp_forms
from supasync_core.model.batch import Batch, Cursor, Window
from supasync_core.model.table import Table
from supasync_core.model.timestamp_forms import forms, sort_by_time
from supasync_rest import long_keys, query
from supasync_rest.client import Client
from supasync_rest.messages import LARGEST_ROW, Request
from supasync_rest.rest_errors import LargePageError
from supasync_rest.tables import MOST_ALIKE, RestTables


class RestPages(RestTables):
    """Pages as PostgREST printed them."""

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self._sizes = PageSizes()
        self._keyed: set[Table] = set()
        self._large = Lock()
        """Held while a row larger than a page arrives, which takes its size twice."""

    def read(self, table: Table, window: Window) -> Batch:
        """One page of about a megabyte, of fewer rows where that is too much for the server."""
        batch = self._sizes.page(table.name, window, lambda each: self._in_a_page(table, each))
        self._refuse_texts(table, window, batch)
        # Read in the order of a key column, as by `append`, rows with NULL in it do not come.
        by_key = any(span.keyset.column in table.key and span.beyond is None for span in window.spans)
        if window.counted and (batch.total != batch.count or by_key):
            self._refuse_null_keys(table)
        return batch

    def _in_a_page(self, table: Table, window: Window) -> Batch:
        try:
            return self._page(table, window)
        except LargePageError:  # the first row alone is larger than a page
            with self._large:
                return self._page(table, replace(window, limit=1))

    def _refuse_null_keys(self, table: Table) -> None:
        """SchemaError where a row has NULL in the key: no page behind a key would ever hold it."""
        if table in self._keyed:
            return
        path = query.without_key(table)
        for row in self.page(Request(path=path, purpose="read", table=table, rows=1)).rows:
            table.place(row, None)
        self._keyed.add(table)

    def _refuse_texts(self, table: Table, window: Window, page: Batch) -> None:
        """SchemaError where a page is ordered by texts that are not timestamps of one form.

        The types are asked for only where they are not.
        """
        for span in window.spans:
            column = span.keyset.column
            if column is None or column not in table.timestamp:
                continue
            bounds = [text for text in (span.start, span.after.value if span.after else None) if text]
            if not sort_by_time(forms([*bounds, *_texts(page, column)])):
                values = [value for row in page.rows if isinstance(value := row.get(column), str)]
                self._refuse_forms(table, column, forms([*bounds, *values]))

    def _refuse_forms(self, table: Table, column: str, found: list[str]) -> None:
        if not sort_by_time(found):  # else the other one is inside another value
            timestamp_forms.refuse(table, column, self.shape(table), found)

    def _page(self, table: Table, window: Window) -> Batch:
        if not query.is_long(window):
            return self._asked(table, window)
        return self._behind(table, window, query.nearer(table, window, long_keys.kinds(self.shape(table))))

    def _behind(self, table: Table, window: Window, near: Window) -> Batch:
        """The rows behind a cursor that is too long for an address, from pages that begin before it.

        SchemaError where so many rows begin like it that it is not found: that is not taken for the end.
        """
        after = window.spans[0].after
        column = window.spans[0].keyset.column if after and after.value is not None else None
        before, found = 0, False
        first = page = self._asked(table, near)
        for _ in range(MOST_ALIKE if len(window.spans) == 1 or window.by_key else 1):
            places: list[Cursor | None] = [table.place(row, column) for row in page.rows]
            if found or not places:  # the cursor's row may be gone: then the rows before it come again
                return page if found else first
            found = after in places
            behind = range(places.index(after) + 1, len(places)) if found else ()
            if behind:
                return page.only(behind)
            before += len(places)
            page = self._asked(table, near, before)
        length = max(map(len, after.key if after else ("",)))
        raise table.schema_error(
            f"{self._client.project} cannot be asked for the rows behind a key of {length:,} characters: no "
            f"address can name it, and more than {MOST_ALIKE} pages of rows begin like it",
            hint=f"raise page_size: of {table.name} (now {table.page_size:,}), shorten such keys in OLD, or "
            f"leave their rows out, as by where: {table.key[-1]}=not.like.BEGINNING*, and copy those by hand",
        )

    def _asked(self, table: Table, window: Window, offset: int = 0) -> Batch:
        return self.page(
            Request(
                path=query.page(table, window, self._columns(table), offset),
                purpose="read",
                table=table,
                headers={"Prefer": "count=exact"} if window.counted else {},
                eased=True,
                most=LARGEST if window.limit > 1 else None,
                rows=window.limit,
                largest=LARGEST_ROW,
            ),
            lambda page: _flaw(table, window, page),
        )


def _flaw(table: Table, window: Window, page: Batch) -> str | None:
    """Why a page cannot be the answer to the window: it has the cursor's row, or lacks columns."""
    after, column = window.spans[0].after, window.spans[0].keyset.column
    for row in [page.rows[0], page.rows[-1]] if page.count else []:
        if not {*table.key, *([column] if column else [])} <= row.keys():
            return "rows that lack requested columns"
        alone = len(window.spans) == 1 and after is not None and bool(after.key)
        if alone and table.place(row, column if after and after.value is not None else None) == after:
            return "the row again that it was to begin behind"
    return None


def _texts(page: Batch, column: str) -> list[str]:
    """The column's values without decoding a row; more where another value contains such a name."""
    named = re.compile(re.escape(json.dumps(column, ensure_ascii=False)).encode() + rb':\s*"([^"\\]*)"')
    return [text.decode(errors="replace") for text in named.findall(page.body)]
