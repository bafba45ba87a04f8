"""GET and HEAD on tables and views."""

# ruff: noqa: S608 - statements are built from quoted names and bound values, see sql.py

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from . import sql
from .database import Row, fetch
from .errors import ApiError, range_error
from .messages import (
    JSON,
    Request,
    Response,
    accepted,
    content_range,
    content_type,
    header_range,
    range_status,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import psycopg

    from .prefer import Preferences
    from .query import Query

    Work = Callable[[psycopg.Connection[Any]], Row]

APPLIED = ("count", "handling", "timezone")


@dataclass(frozen=True)
class Window:
    """The rows asked for."""

    offset: int
    limit: int | None

    def capped(self, most: int | None) -> Window:
        """Return the window after max-rows."""
        if most is None:
            return self
        return Window(self.offset, most if self.limit is None else min(self.limit, most))


@dataclass(frozen=True)
class Page:
    """A page to read: which rows, in which media type, counted how, cut at `most`."""

    query: Query
    window: Window
    media: str
    count: str | None
    most: int | None


def page(request: Request, query: Query, count: str | None) -> Page:
    """Return the page that a request asks for."""
    asked = window(request, query).capped(request.max_rows)
    return Page(query, asked, accepted(request.headers.get("accept")), count, request.max_rows)


def window(request: Request, query: Query) -> Window:
    """Combine limit and offset with the Range header, which counts on GET alone."""
    asked = header_range(request.headers.get("range")) if request.method == "GET" else None
    first, last = asked or (0, None)
    if last is not None and last < first:
        details = "The lower boundary must be lower than or equal to the upper boundary in the Range header."
        raise range_error(details)
    offset = max(first, query.offset)
    ends = [
        end
        for end in (last, None if query.limit is None else query.offset + query.limit - 1)
        if end is not None
    ]
    limit = min(ends) - offset + 1 if ends else None
    if limit is not None and limit <= 0 and query.limit != 0:
        raise range_error("Limit should be greater than or equal to zero.")
    return Window(offset, None if limit is None else max(0, limit))


def counting(source: str, count: str | None, most: int | None) -> str:
    """Return the expression of the total: exact, or exact up to max-rows for an estimate."""
    if count == "exact":
        return f"(select count(*) from (select 1 {source}) _c)"
    if count == "estimated":
        cap = "" if most is None else f" limit {most + 1}"
        return f"(select count(*) from (select 1 {source}{cap}) _c)"
    return "null::bigint"


def planned(connection: psycopg.Connection[Any], source: str, parameters: sql.Parameters) -> int:
    """Return the planner's estimate."""
    row = fetch(connection, f"explain (format json) select 1 {source}", parameters)
    return int(json.loads(row.data(0))[0]["Plan"]["Plan Rows"])


def table_work(table: str, wanted: Page, *, body: bool) -> Work:
    """Return the transaction that reads one page of a (quoted) table: total, rows on the page, body."""
    query, count = wanted.query, wanted.count

    def work(connection: psycopg.Connection[Any]) -> Row:
        parameters = sql.Parameters()
        source = f"from {table}{sql.where(table, query.conditions, parameters)}"
        total = counting(source, count, wanted.most)
        few = sql.Parameters(list(parameters.values))
        inner = f"select {sql.select_list(table, query)} {source}{sql.order_by(table, query.order)}"
        inner += sql.page(wanted.window.limit, wanted.window.offset, parameters)
        rows = f"select * from {sql.SOURCE}"
        aggregate = sql.body(wanted.media, rows) if body else "''"
        columns = f"{total}, count({sql.ROWS}), {aggregate}"
        row = fetch(
            connection,
            f"with {sql.SOURCE} as ({inner}) select {columns} from ({rows}) {sql.ROWS}",
            parameters,
        )
        if needs_plan(row, count, wanted.most):
            estimate = max(planned(connection, source, few), row.number(0) or 0)
            row = Row((str(estimate).encode(), *row.values[1:]))
        require_single(wanted.media, row)
        return row

    return work


def needs_plan(row: Row, count: str | None, most: int | None) -> bool:
    """Tell whether the total is the planner's to say."""
    return count == "planned" or (count == "estimated" and most is not None and (row.number(0) or 0) > most)


def require_single(media: str, row: Row) -> None:
    """Refuse an object answer of no row or of many, before anything is committed."""
    rows = row.number(1)
    if ".object+json" in media and rows != 1:
        message = "Cannot coerce the result to a single JSON object"
        raise ApiError(406, "PGRST116", message, f"The result contains {rows} rows")


def answer(
    request: Request, wanted: Page, row: Row, headers: list[tuple[str, str]], *, is_13: bool
) -> Response:
    """Return the response of a page."""
    lower, total, rows = wanted.window.offset, row.number(0), row.number(1) or 0
    status = range_status(lower, rows, total)
    headers = [content_range(lower, rows, total), *headers]
    if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        error = range_error(f"An offset of {lower} was requested, but there are only {total} rows.")
        return past_the_end(request, error.body(), headers, is_13=is_13)
    head = request.method == "HEAD"
    return Response(
        status, [content_type(wanted.media), *headers], b"" if head else row.data(2), no_length=head
    )


def past_the_end(request: Request, body: bytes, headers: list[tuple[str, str]], *, is_13: bool) -> Response:
    """Return the 416 of an offset beyond the total; 13 announced the length of an empty array."""
    headers = [content_type(JSON), *headers]
    if request.method == "HEAD":
        return Response(416, headers, no_length=True)
    return Response(416, headers, body, length=2 if is_13 else None)


def preferences_applied(preferences: Preferences) -> list[tuple[str, str]]:
    """Return what a read applied."""
    return preferences.applied(*APPLIED)
