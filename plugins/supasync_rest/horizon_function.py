"""The survey of OLD by its optional function ``supasync_horizon``; `horizon.sql` says what it returns."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

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
_LONGEST_TEXT = 100
"""Characters of a digest, or of a name: PostgreSQL's have 63 bytes."""
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
    except (ValueError, TypeError, KeyError, AttributeError) as err:
        return Survey(
            problem=f"supasync_horizon returned an unusable answer ({type(err).__name__}); {_HINT}"
        ), None


class _UnusableError(Exception):
    """A part of the answer, by its name, is not what it should be."""


def _call(client: Client, asked: Asked) -> Any:  # noqa: ANN401 - JSON
    request = Request(path=_path(asked), purpose="survey", eased=True)

    def parsed(answer: Response) -> Any:  # noqa: ANN401 - JSON
        try:
            return json.loads(answer.body)
        except (ValueError, RecursionError) as err:
            raise SchemaError("supasync_horizon returned no JSON") from err

    return client.send(request, parsed)


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


def _joined(answers: Sequence[tuple[Asked, Mapping[str, Any]]]) -> tuple[Survey, int | None]:
    """One survey; the earliest horizon holds for all."""
    extents = {
        table.name: _extent(extent, columns)
        for asked, answer in answers
        for (table, columns), extent in zip(asked, answer["tables"], strict=True)
        if extent
    }
    unindexed = {
        table.name: _unindexed(extent, columns)
        for asked, answer in answers
        for (table, columns), extent in zip(asked, answer["tables"], strict=True)
        if extent and "unindexed" in extent  # an older function does not look for indexes
    }
    first = min((answer for _, answer in answers), key=lambda answer: _time(answer, "horizon"))
    horizon, now = _time(first, "horizon"), _time(first, "now")
    if horizon > now:
        raise _UnusableError("horizon")
    held = _session(first["held"]) if first["held"] else None
    size = None if first["database_bytes"] is None else _count(first, "database_bytes")
    return Survey(horizon=horizon, now=now, held=held, extents=extents, unindexed=unindexed), size


def _extent(answer: Mapping[str, Any], columns: Sequence[str]) -> Extent:
    newest, fingerprint = answer["newest"], answer["version"]
    if not isinstance(newest, dict) or not newest.keys() <= set(columns):
        raise _UnusableError("newest")
    if not all(value is None or isinstance(value, str) for value in newest.values()):
        raise _UnusableError("newest")
    if not _is_short_text(fingerprint):
        raise _UnusableError("version")
    return Extent(_count(answer, "rows"), newest, fingerprint)


def _unindexed(answer: Mapping[str, Any], columns: Sequence[str]) -> tuple[str, ...]:
    found = answer["unindexed"]
    if not isinstance(found, list) or not all(each in columns for each in found):
        raise _UnusableError("unindexed")
    return tuple(found)


def _is_short_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST_TEXT


def _count(answer: Mapping[str, Any], name: str) -> int:
    """A number that may count something: whole, not negative, and a bigint of PostgreSQL."""
    value = answer[name]
    if type(value) is not int or not 0 <= value < 2**63:
        raise _UnusableError(name)
    return value


def _time(answer: Mapping[str, Any], name: str) -> timestamps.Instant:
    """What a server's clock may show: a finite time of the years 1 to 9999."""
    at = timestamps.parse_or_none(answer[name])
    if at is None or not _CLOCK[0] <= at < _CLOCK[1]:
        raise _UnusableError(name)
    return at


def _session(held: Mapping[str, Any]) -> str:
    """The session that holds the horizon back, and how to end it."""
    for name in ("state", "application"):
        if held[name] is not None and not _is_short_text(held[name]):
            raise _UnusableError(name)
    application = f", {held['application']}" if held["application"] else ""
    pid = _count(held, "pid")
    return (
        f"the transaction of session {pid} ({held['state'] or 'at work'}{application}; "
        f"select pg_terminate_backend({pid}) ends it)"
    )
