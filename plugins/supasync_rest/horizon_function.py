"""The survey of OLD by its optional function ``supasync_horizon``; `horizon.sql` says what it returns."""

import json
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import quote

import msgspec

from supasync_core.api.backend import Survey
from supasync_core.model import timestamps
from supasync_core.model.errors import RowError, SchemaError
from supasync_core.model.state import Extent
from supasync_core.model.table import Table
from supasync_rest.client import Client
from supasync_rest.messages import Request, Response
from supasync_rest.rest_errors import StatementTimeoutError

PATH = "/rpc/supasync_horizon?tables="
LONGEST = 7000
"""Characters of one address; gateways take about 8000."""
_Short = Annotated[str, msgspec.Meta(max_length=100)]
"""A digest, or a name: PostgreSQL's have 63 bytes."""
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""A number that may count something: a bigint of PostgreSQL."""
_CLOCK = (timestamps.parse("0001-01-01"), timestamps.parse("10000-01-01"))
_HINT = (
    "supasync schema sql --horizon prints the function; to do without it, remove horizon: from tables.yaml"
)

Asked = Sequence[tuple[Table, Sequence[str]]]


def survey(client: Client, asked: Asked) -> tuple[Survey, int | None]:
    """What the function returns, and the size of the database; where it fails, a survey with the problem.

    Tables that do not fit into one address are asked for by further requests. Where reading them takes too
    long, only the horizon is asked for. What concerns the whole project, such as a quota, is raised.
    """
    try:
        try:
            return _joined([(part, _call(client, part)) for part in _parts(asked)])
        except StatementTimeoutError:
            return _joined([((), _call(client, ()))])
    except (SchemaError, RowError, StatementTimeoutError) as err:
        return Survey(problem=f"{err}; {_HINT}"), None
    except _UnusableError as err:
        return Survey(problem=f"supasync_horizon returned an unusable answer ({err}); {_HINT}"), None


class _UnusableError(Exception):
    """A part of the answer, by its name, is not what it should be."""


class _Held(msgspec.Struct):
    """The session that holds the horizon back."""

    pid: _Count
    state: _Short | None
    application: _Short | None


class _Told(msgspec.Struct):
    """What is known of a table."""

    rows: _Count
    newest: dict[str, str | None]
    version: _Short
    unindexed: tuple[str, ...] | None = None


class _Answer(msgspec.Struct):
    """What the function returns; ``tables`` are in the order in which they were asked for."""

    now: str
    horizon: str
    held: _Held | None
    database_bytes: _Count | None
    tables: list[_Told | None]


def _call(client: Client, asked: Asked) -> _Answer:
    request = Request(path=_path(asked), purpose="survey", eased=True)

    def parsed(answer: Response) -> Any:  # noqa: ANN401 - JSON
        try:
            return json.loads(answer.body)
        except (ValueError, RecursionError) as err:
            raise SchemaError("supasync_horizon returned no JSON") from err

    try:
        found = msgspec.convert(client.send(request, parsed), _Answer)
    except msgspec.ValidationError as err:
        path = str(err).rstrip("`").replace("[...]", "")
        part = path.rpartition(".")[2].partition("[")[0]  # the last name of it
        raise _UnusableError(part if part.isidentifier() else "its form") from err
    if len(found.tables) != len(asked):
        raise _UnusableError("tables")
    return found


def _path(asked: Asked) -> str:
    arguments = [(*table.address, tuple(columns)) for table, columns in asked]
    return PATH + quote(json.dumps(arguments, separators=(",", ":"), ensure_ascii=False), safe="")


def _parts(asked: Asked) -> list[Asked]:
    parts: list[list[tuple[Table, Sequence[str]]]] = [[]]
    for each in asked:
        if parts[-1] and len(_path([*parts[-1], each])) > LONGEST:
            parts.append([])
        parts[-1].append(each)
    return list(parts)


def _joined(answers: Sequence[tuple[Asked, _Answer]]) -> tuple[Survey, int | None]:
    """One survey; the earliest horizon holds for all."""
    extents: dict[str, Extent] = {}
    unindexed: dict[str, tuple[str, ...]] = {}
    for asked, answer in answers:
        for (table, columns), told in zip(asked, answer.tables, strict=True):
            if told is None:
                continue
            for name, found in (("newest", told.newest), ("unindexed", told.unindexed or ())):
                if not set(found) <= set(columns):
                    raise _UnusableError(name)
            extents[table.name] = Extent(told.rows, told.newest, told.version)
            if told.unindexed is not None:  # an older function does not look for indexes
                unindexed[table.name] = told.unindexed
    times = [(_time(each.horizon, "horizon"), _time(each.now, "now"), each) for _, each in answers]
    horizon, now, first = min(times, key=lambda each: each[0])
    if horizon > now:
        raise _UnusableError("horizon")
    session = first.held
    held = Survey.session(session.pid, session.state, session.application) if session else None
    survey = Survey(horizon=horizon, now=now, held=held, extents=extents, unindexed=unindexed)
    return survey, first.database_bytes


def _time(text: str, name: str) -> timestamps.Instant:
    """What a server's clock may show: a finite time of the years 1 to 9999."""
    at = timestamps.parse_or_none(text)
    if at is None or not _CLOCK[0] <= at < _CLOCK[1]:
        raise _UnusableError(name)
    return at
