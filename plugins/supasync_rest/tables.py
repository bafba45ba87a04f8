"""What both sides can tell of a table: its columns, how many rows it has, and rows by their values."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from threading import Lock
from typing import Any

from supasync_core.api.page_size import LARGEST
from supasync_core.model import raw_json
from supasync_core.model.batch import Batch, Window
from supasync_core.model.errors import LargeAnswerError, RefusedError, SchemaError
from supasync_core.model.json_budget import refuse_many, whole_rows
from supasync_core.model.refused_rows import texts_of
from supasync_core.model.same_key import readable
from supasync_core.model.table import Column, Shape, Table
from supasync_rest import digest_function, long_keys, query
from supasync_rest.client import Client
from supasync_rest.description import HIDDEN, LARGEST_DESCRIPTION, parse_description
from supasync_rest.messages import LARGEST_ROW, Request, Response
from supasync_rest.rest_errors import (
    HiddenSchemaError,
    LargePageError,
    MissingColumnError,
    RetryableError,
)

MOST_ALIKE = 100
"""Pages of rows that begin like a key that no address can name."""
_MOST_PAGES = 10_000
"""Pages of rows that have the same value."""
_LARGE_ROWS = 2
"""Of an answer larger than a page whose request does not say how many rows it may have."""
_NO_SUCH_SCHEMA = "supasync_asks_which_there_are"


class RestTables:
    """A project's tables, read by GET and HEAD alone."""

    hidden: Sequence[str] = HIDDEN

    def __init__(self, client: Client) -> None:
        self._client = client
        self._described: dict[str, Mapping[str, Shape]] = {}
        self._describing = Lock()

    def shape(self, table: Table) -> Shape:
        """The table's columns from the OpenAPI description, else their names from a row."""
        with self._describing:
            if table.schema not in self._described:
                try:
                    self.tables(table.schema)
                except (RefusedError, SchemaError):  # PostgREST's openapi-mode may keep them to itself
                    self._described[table.schema] = {}
        return self._described[table.schema].get(table.relation) or self._shape_of_a_row(table)

    def tables(self, schema: str) -> Mapping[str, Shape]:
        """All tables and views of the schema that the key has any right on, from the OpenAPI description."""
        if self._described.get(schema):
            return self._described[schema]
        request = Request(
            path="/",
            purpose="schema",
            schema=schema,
            headers={"Accept": "application/openapi+json"},
            largest=LARGEST_DESCRIPTION,
        )
        found = self._client.send(request, parse_description)
        if found is None:
            raise SchemaError(f"{self._client.project} does not describe its tables: no OpenAPI document")
        self._described[schema] = found
        return found

    def schemas(self) -> Sequence[str] | None:
        """Those that the API exposes: it names them when asked for one that does not exist."""
        request = Request(path="/", purpose="schema", schema=_NO_SUCH_SCHEMA)
        try:
            self._client.send(request, lambda _: None)
        except HiddenSchemaError as err:
            return err.exposes or None
        except (RefusedError, SchemaError) as err:
            err.raise_if_of_the_project()
        return None

    def has_columns(self, table: Table, columns: Sequence[str]) -> bool:
        """Whether the table has all of these columns, by a request that selects them of no row."""
        path = query.path(table, [("select", query.names(columns)), ("limit", "0")])
        try:
            self.page(Request(path=path, purpose="schema", table=table, rows=0))
        except MissingColumnError:
            return False
        return True

    def count(self, table: Table, window: Window | None = None) -> int:
        """The exact number of rows in the window: ``count=exact``, which really counts."""
        request = Request(
            method="HEAD",
            path=query.counting(table, window),
            purpose="count",
            table=table,
            headers={"Prefer": "count=exact"},
        )

        def total(answer: Response) -> int:
            if answer.total is None:
                raise self._client.unfit(request, "without a count", answer)
            return answer.total

        try:
            return self._client.send(request, total)
        except SchemaError:
            self.page(replace(request, method="GET"))  # an answer to HEAD cannot say why, to GET it can
            raise

    def rows(self, table: Table, columns: Sequence[str], values: Sequence[Sequence[str]]) -> Iterator[Batch]:
        """The rows whose columns have one of these tuples of texts, in batches that an address can name.

        An answer is cut off behind a page's bytes, and by the server (PostgREST documentation,
        "db-max-rows"), which does not say so: the exact count does. Then the same is asked in halves, and
        the rows of one value page by page.
        """
        counted = {"Prefer": "count=exact"}
        if any("." in text for each in values for text in each):
            values = readable(self.shape(table), columns, values)
        shown, kinds = replace(table, columns=self._columns(table)), {}
        if not all(query.fits(columns, each) for each in values):
            kinds = long_keys.kinds(self.shape(table))
            if shown.columns:
                shown = replace(table, columns=tuple(dict.fromkeys((*shown.columns, *columns))))
        for path, asked in query.lookups(shown, columns, values, kinds):
            request = Request(path=path, purpose="lookup", table=table, headers=counted, most=LARGEST)
            if not query.fits(columns, asked[0]):
                yield from self._alike(table, request, columns, asked)
            elif batch := self._complete(request):
                yield batch
            elif len(asked) == 1:
                ordered = replace(request, path=query.ordered(path, table))
                yield from self._page_by_page(ordered, _MOST_PAGES)
            else:
                half = len(asked) // 2
                yield from self.rows(table, columns, asked[:half])
                yield from self.rows(table, columns, asked[half:])

    def _columns(self, table: Table) -> tuple[str, ...]:
        """The columns to select; none where all are wanted, so that new ones are included.

        Excluded columns do not travel, unless the cursor needs them.
        """
        needed = {*table.key, *table.timestamp}
        left_out = set(table.exclude) - needed
        columns = table.columns
        if left_out and not columns:
            columns = tuple(column.name for column in self.shape(table).columns)
        return tuple(column for column in columns if column not in left_out)

    def _complete(self, request: Request) -> Batch | None:
        """All rows that were asked for; None where the answer has only some of them."""
        try:
            batch = self.page(request)
        except (LargePageError, LargeAnswerError):
            return None
        whole = (batch.total is None or batch.total <= batch.count) and not batch.partial
        return batch if whole else None

    def _alike(
        self, table: Table, request: Request, columns: Sequence[str], values: Sequence[Sequence[str]]
    ) -> Iterator[Batch]:
        """The rows that have exactly these values, of all that begin like them."""
        wanted = set(map(tuple, values))
        for batch in self._page_by_page(request, MOST_ALIKE):
            yield batch.only([i for i, row in enumerate(batch.rows) if texts_of(row, columns) in wanted])

    def _page_by_page(self, request: Request, most: int) -> Iterator[Batch]:
        """All rows of a request that has an order, in so many pages at most; SchemaError for more.

        A page begins with the last row of the one before, so that a row that goes meanwhile hides no other.
        """
        name, read, last = request.table.name if request.table else "", 0, ""
        for _ in range(most):
            batch = self._part(request, max(read - 1, 0))
            if last and batch.rows.texts[:1] != [last]:
                raise RetryableError(
                    f"{name}: {self._client.project} changed rows while they were looked up", table=name
                )
            yield batch.only(range(bool(last), batch.count)) if last else batch
            read = max(read - 1, 0) + batch.count
            if batch.count <= bool(last) or (read == batch.total and (last or not batch.partial)):
                return
            last = batch.rows.texts[batch.count - 1]
        raise SchemaError(
            f"{name}: {self._client.project} has more than {most} pages of rows that are looked up at once, "
            "because they have the same value, or values that begin with the same characters and are too "
            "long for an address",
            table=name,
            hint="shorten those values, or leave their rows out by where:",
        )

    def _part(self, request: Request, offset: int) -> Batch:
        """Some of the rows, from this one on: as many as a page holds, or two larger ones."""
        begin = f"{request.path}&offset={offset}&limit="
        try:
            page = self.page(replace(request, path=f"{begin}{query.LOOKUP_ROWS}", rows=query.LOOKUP_ROWS))
        except (LargePageError, LargeAnswerError):
            page = None
        if page and (page.count != 1 or page.total == offset + 1):
            return page
        # Two, for the first may be the last one of the page before.
        return self.page(replace(request, path=f"{begin}2", rows=2, most=None, largest=LARGEST_ROW))

    def digest(self, asked: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
        """What the function ``supasync_digest`` answers, called by GET."""
        return digest_function.answer(self._client, asked)

    def close(self) -> None:
        self._client.close()

    def page(self, request: Request, check: Callable[[Batch], str | None] = lambda _: None) -> Batch:
        """The rows of an answer; half of one, or a gateway's page, is a failure like any other.

        So are more rows than were asked for, which are not looked at.

        Of an answer that was cut off, the whole rows; LargePageError where there is none. ``check`` says
        what is wrong with rows of the right form.
        """

        def batch(answer: Response) -> Batch | None:
            body = whole_rows(answer.body) if answer.cut else answer.body
            counted = "Prefer" in request.headers
            page = Batch(
                body,
                answer.total if counted else None,
                answer.read_at,
                asked=request.rows,
                partial=answer.status == HTTPStatus.PARTIAL_CONTENT,
            )
            try:
                texts = _texts(page, request.rows)
            except ValueError as err:
                raise self._client.unfit(
                    request, "with something that is not a list of rows", answer
                ) from err
            if not all(bytes(texts.bytes_at(index)[:1]) == b"{" for index in (0, -1) if texts):
                raise self._client.unfit(request, "with something that is not a list of rows", answer)
            if answer.cut and not texts:
                return None
            if answer.cut and counted and answer.total is None:
                raise self._client.unfit(request, "without a count", answer)
            if request.rows is not None and len(texts) > request.rows:
                raise self._client.unfit(request, "with more rows than were asked for", answer)
            if flaw := check(page):
                raise self._client.unfit(request, f"with {flaw}", answer)
            return page

        if (found := self._client.send(request, batch)) is None:
            raise LargePageError
        return found

    def _shape_of_a_row(self, table: Table) -> Shape:
        path = query.path(table, [("limit", "1")])
        rows = self.page(Request(path=path, purpose="schema", table=table, rows=1, largest=LARGEST_ROW)).rows
        return Shape(tuple(Column(name) for name in rows[0])) if rows else Shape(known=False)


def _texts(page: Batch, rows: int | None) -> raw_json.Texts:
    """The rows' texts; ValueError where a large answer holds more rows than were asked for, or no rows."""
    if len(page.body) > LARGEST:
        refuse_many(page.body, rows or _LARGE_ROWS)
        for row in page.rows:
            row.keys()
    return page.rows.texts
