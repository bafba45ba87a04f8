"""The survey of OLD by its optional function ``supasync_horizon``: what it answers is in `horizon.sql`."""

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
_HINT = (
    "supasync schema sql --horizon prints the function; to do without it, take horizon: out of tables.yaml"
)

Asked = Sequence[tuple[Table, Sequence[str]]]


def survey(client: Client, asked: Asked) -> tuple[Survey, int | None]:
    """What the function tells, and the size of the database; a survey that tells a problem where it does not.

    More tables than fit into an address are asked for by further requests. Where it takes too long to look at
    the tables, only the horizon is asked for. What concerns the whole project, such as a quota, is raised.
    """
    try:
        try:
            return _joined([(part, _call(client, part)) for part in _parts(asked)])
        except StatementTimeoutError:
            return _joined([((), _call(client, ()))])
    except (SchemaError, RowError, StatementTimeoutError) as err:
        return Survey(problem=f"{err}; {_HINT}"), None
    except (ValueError, TypeError, KeyError, AttributeError) as err:
        return Survey(problem=f"supasync_horizon gave no answer ({type(err).__name__}); {_HINT}"), None


def _call(client: Client, asked: Asked) -> Mapping[str, Any]:
    request = Request(method="GET", path=_path(asked), purpose="survey", eased=True)

    def told(answer: Response) -> Mapping[str, Any]:
        try:
            found: Mapping[str, Any] = json.loads(answer.body)
        except (ValueError, RecursionError) as err:
            raise SchemaError("supasync_horizon gave no answer") from err
        return found

    return client.send(request, told)


def _path(asked: Asked) -> str:
    given = [(*table.address, tuple(columns)) for table, columns in asked]
    return PATH + quote(json.dumps(given, separators=(",", ":"), ensure_ascii=False), safe="")


def _parts(asked: Asked) -> list[Asked]:
    """The tables in portions whose addresses are short enough."""
    parts: list[list[tuple[Table, Sequence[str]]]] = [[]]
    for each in asked:
        if parts[-1] and len(_path([*parts[-1], each])) > LONGEST:
            parts.append([])
        parts[-1].append(each)
    return list(parts)


def _joined(answers: Sequence[tuple[Asked, Mapping[str, Any]]]) -> tuple[Survey, int | None]:
    """One survey; the earliest horizon holds for all."""
    extents = {
        table.name: Extent(told["rows"], told["newest"], told["version"])
        for asked, answer in answers
        for (table, _), told in zip(asked, answer["tables"], strict=True)
        if told
    }
    first = min((answer for _, answer in answers), key=lambda answer: timestamps.parse(answer["horizon"]))
    found = Survey(
        horizon=timestamps.parse(first["horizon"]),
        now=timestamps.parse(first["now"]),
        held=_session(first["held"]) if first["held"] else None,
        extents=extents,
    )
    return found, first["database_bytes"]


def _session(held: Mapping[str, Any]) -> str:
    """The session that holds the horizon back, and how to end it."""
    application = f", {held['application']}" if held["application"] else ""
    pid = int(held["pid"])
    return (
        f"the transaction of session {pid} ({held['state'] or 'at work'}{application}; "
        f"select pg_terminate_backend({pid}) ends it)"
    )
