"""A ground of real servers: PostgreSQL and PostgREST on both sides, and the virtual time on every answer."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb
from urllib3.exceptions import ProtocolError

from supasync_core.api.plugin_host import Host
from supasync_core.config import load
from supasync_core.model import timestamps
from supasync_core.model.cost import Cost
from supasync_core.model.report import Report
from supasync_core.model.settings import Settings
from supasync_core.model.state import State
from supasync_core.model.state_json import from_json, to_json
from supasync_core.project.migration import opened
from supasync_core.project.run_options import RunOptions
from supasync_core.schema import scripts
from supasync_core.sync import checkpoint, runner
from supasync_rest import client
from supasync_rest.messages import Request, Response
from supasync_rest.retry_policy import RetryPolicy
from supasync_rest.transport import Transport
from tests.e2e.workspace import ENDS, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster
from tests.soak.running import Silent, divided, virtual
from tests.soak.world import (
    COLUMNS,
    SECOND,
    STAMPS,
    Cells,
    CutError,
    KilledError,
    Setup,
    Timeline,
    Weather,
    seconds,
)

OLD = (
    ROLES
    + "".join(
        f"create table public.{name} (id bigint primary key, "
        + ", ".join(f"{c} {'timestamptz' if c in STAMPS else 'bigint'}" for c in columns if c != "id")
        + ");\n"
        for name, columns in COLUMNS.items()
    )
    + "grant select, insert, update, delete on all tables in schema public to service_role;\n"
)
NEW = (
    OLD
    + """
alter table public.children add foreign key (parent_id) references public.parents (id);
alter table public.notes add foreign key (user_id) references public.users (id);
create schema if not exists auth;
create table auth.users (id bigint primary key);
alter table public.users add foreign key (id) references auth.users (id);
"""
)
EMPTIED = "".join(f"delete from public.{name}; " for name in reversed(COLUMNS))  # noqa: S608 - our own names
CONFIG = ENDS + "tables: {moments: {timestamp: [a, b, c]}}\n"
_STARVED = json.dumps({"code": "57014", "message": "canceling statement due to statement timeout"}).encode()
_LIMIT = re.compile(r"\blimit=\d+")


class Line(Transport):
    """A connection of supasync to one side, kept over all runs; what it carries, the ground sees."""

    def __init__(self, url: str, headers: Mapping[str, str], ground: "ServerGround") -> None:
        super().__init__(url, headers)
        self._ground = ground
        self._old = url in ground.space.old.server.url

    def send(self, request: Request, cost: Cost) -> Response:
        """As the ground lets it pass."""
        try:
            return self._ground.carry(
                lambda asked: super(Line, self).send(asked, cost), request, old=self._old
            )
        except CutError as err:
            raise ProtocolError("made up: connection broken", ConnectionResetError()) from err

    def close(self) -> None:
        """It stays open for the next run."""

    def end(self) -> None:
        """Close it; there is no next run."""
        super().close()


@dataclass
class ServerGround:
    """Both sides behind real servers."""

    space: Workspace
    host: Host
    base: Settings
    time: Timeline = field(default_factory=Timeline)
    weather: Weather = field(default_factory=Weather)
    lines: dict[str, Line] = field(default_factory=dict)
    free: list[psycopg.Connection] = field(default_factory=list)
    busy: dict[int, tuple[psycopg.Connection, int]] = field(default_factory=dict)
    """Open transactions by number, each with its beginning."""
    numbers: int = 0
    aligned: float = 0.0
    episodes: int = 0
    styles: Sequence[str] = ("bigint",)

    def __post_init__(self) -> None:
        self.old, self.new = (
            psycopg.connect(end.cluster.url(end.database), autocommit=True)
            for end in (self.space.old, self.space.new)
        )
        self.source = self.base.source.ref

    def line(self, url: str, headers: Mapping[str, str]) -> Line:
        """The connection to that address."""
        if url not in self.lines:
            self.lines[url] = Line(url, headers, self)
        return self.lines[url]

    def close(self) -> None:
        """Close every connection."""
        for connection in (self.old, self.new, *self.free, *(each for each, _ in self.busy.values())):
            connection.close()
        for line in self.lines.values():
            line.end()

    def prepare(self, setup: Setup) -> None:
        """Both sides empty, the baseline alone in the state."""
        for connection, _ in self.busy.values():
            connection.rollback()
            self.free.append(connection)
        self.busy.clear()
        self.time.now, self.time.due, self.aligned = 0.0, [], 0.0
        self.weather = Weather()
        self.old.execute(EMPTIED.encode())
        self.new.execute(EMPTIED.encode())
        self.new.execute("delete from auth.users; delete from sync_metadata")
        self.new.execute(
            "insert into sync_metadata (run_id, sync_status, command, state) "
            "values (gen_random_uuid(), 'baseline', 'setup', %s)",
            [Jsonb(to_json(State(self.source)))],
        )
        self.episodes += 1
        if self.episodes % 20 == 0:
            self.old.execute("vacuum")
            self.new.execute("vacuum")
        horizon = {"horizon": "true" if setup.horizon else "false"}
        source = replace(self.base.source, values={**self.base.source.values, **horizon})
        self.setup = setup
        share = setup.share * 4000
        self.settings = replace(
            self.base, source=source, tables=setup.tables, workers=1, compare_egress=share
        )

    def begin(self, rows: Mapping[str, Sequence[Cells]]) -> Callable[[], None]:
        """A transaction of OLD that writes rows by table; what commits it."""
        connection = self.free.pop() if self.free else psycopg.connect(self._url())
        self.numbers += 1
        number = self.numbers
        self.busy[number] = (connection, self.time.instant)
        for name, cells in rows.items():
            if cells:
                connection.execute(_upsert(name), [Jsonb([_printed(row) for row in cells])])

        def commit() -> None:
            connection.commit()
            del self.busy[number]
            self.free.append(connection)

        return commit

    def delete(self, table: str, key: int) -> None:
        """Remove a row from OLD."""
        self.old.execute(f"delete from public.{table} where id = {key}".encode())  # noqa: S608 - a name, a number

    def account(self, key: int) -> None:
        """Make the account of that key in NEW."""
        self.new.execute("insert into auth.users values (%s)", [key])

    def sync(self, weather: Weather, holder: str, full: Sequence[str] = ()) -> Report:
        """One run over the wire; the lease has aged by the virtual time that has passed."""
        outer, self.weather = self.weather, weather
        try:
            with (
                patch.object(checkpoint, "CHECKPOINT_ROWS", self.setup.checkpoint),
                divided(self.setup.readers),
                opened(self.settings, self.host) as project,
            ):
                tables = self.settings.tables
                plan = RunOptions(
                    holder=holder, tables=tables, interrupted=weather.stop, full=frozenset(full)
                )
                return runner.sync(project, plan, Silent())
        finally:
            self.weather = outer

    def rows(self, side: str, table: str) -> Mapping[int, object]:
        """The rows by key, as PostgreSQL prints them."""
        connection = self.old if side == "OLD" else self.new
        return dict(connection.execute(f"select t.id, t::text from public.{table} t".encode()).fetchall())  # noqa: S608

    def walked(self, table: str) -> float:
        """When the last complete comparison of the table's values began."""
        found = self.new.execute(
            "select state from sync_metadata where state is not null order by seq desc limit 1"
        ).fetchone()
        return seconds(from_json(found[0]).table(table).comparison if found else None)

    def carry(self, send: Callable[[Request], Response], request: Request, *, old: bool) -> Response:
        """One request and its answer, disturbed as this run's weather says."""
        if old:
            return self._read(send, request)
        if request.purpose == "upsert":
            return self._write(send, request)
        if "supasync_save" in request.path:
            self.weather.hook("save")
            answer = send(request)
            self.weather.hook("saved")
            return answer
        self._align()
        answer = send(request)
        return self._begun(answer) if "supasync_begin" in request.path else answer

    def _read(self, send: Callable[[Request], Response], request: Request) -> Response:
        weather, asked = self.weather, self.time.now
        survey = request.purpose == "survey"
        if not survey:
            weather.hook("read")
            asked = self.time.now
        if weather.count_fails and request.method == "GET" and "Prefer" in request.headers:
            self.time.tick(8)
            return Response(500, self._dated({}), _STARVED)
        if weather.cut and request.purpose == "read":
            request = replace(request, path=_LIMIT.sub(f"limit={weather.cut}", request.path))
        answer = send(request)
        if survey:
            answer = self._surveyed(answer)
        weather.hook("survey" if survey else "page")
        self.time.tick(max(0.0, weather.slow - (self.time.now - asked)))
        return replace(answer, headers=self._dated(answer.headers))

    def _write(self, send: Callable[[Request], Response], request: Request) -> Response:
        try:
            self.weather.hook("upsert")
        except KilledError as killed:
            if killed.late is not None:
                self.time.at(self.time.now + killed.late, lambda: self._late(send, request))
            raise
        answer = send(request)
        self.time.tick(self.weather.heavy)
        self.weather.hook("sent")
        return answer

    def _late(self, send: Callable[[Request], Response], request: Request) -> None:
        send(request)

    def _dated(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        at = datetime.fromtimestamp(self.time.instant // SECOND, UTC)
        return {**headers, "date": format_datetime(at, usegmt=True)}

    def _surveyed(self, answer: Response) -> Response:
        """The answer of the horizon function in virtual time."""
        if answer.status != 200:
            return answer
        told = json.loads(answer.body)
        begun = min([self.time.instant, *(at for _, at in self.busy.values())]) - SECOND
        told |= {
            "now": timestamps.to_text(self.time.instant),
            "horizon": timestamps.to_text(begun),
            "held": None,
        }
        return replace(answer, body=json.dumps(told).encode())

    def _begun(self, answer: Response) -> Response:
        """The answer of ``supasync_begin`` in virtual time."""
        told = json.loads(answer.body)
        if isinstance(told, dict) and "now" in told:
            told["now"] = timestamps.to_text(self.time.instant)
        return replace(answer, body=json.dumps(told).encode())

    def _align(self) -> None:
        """Leases end by NEW's own clock, which goes on by itself: they begin earlier instead."""
        passed, self.aligned = self.time.now - self.aligned, self.time.now
        if passed > 1:
            self.new.execute(
                "update sync_metadata set lease_until = lease_until - make_interval(secs => %s) "
                "where sync_status = 'running'",
                [passed],
            )

    def _url(self) -> str:
        return self.space.old.cluster.url(self.space.old.database)


def _printed(row: Cells) -> dict[str, Any]:
    return {k: timestamps.to_text(v) if k in STAMPS and v is not None else v for k, v in row.items()}


def _upsert(table: str) -> sql.Composed:
    name = sql.Identifier("public", table)
    columns = [sql.Identifier(column) for column in COLUMNS[table]]
    updates = sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(column) for column in columns)
    return sql.SQL(
        "insert into {0} select * from jsonb_populate_recordset(null::{0}, %s) "
        "on conflict (id) do update set {1}"
    ).format(name, updates)


@contextmanager
def ground(cluster: Cluster, folder: Path) -> Iterator[ServerGround]:
    """A ground that is set up, under a clock of its own."""
    host = Host()
    host.load_installed()
    with between(cluster, folder, OLD, NEW, CONFIG) as space:
        space.ready()
        space.old.run(scripts.script("horizon"))
        made = ServerGround(space, host, load(folder / "tables.yaml", {}, host))
        patient = lambda: RetryPolicy(sleep=made.time.tick)  # noqa: E731 - a factory in place of a class
        with (
            closing(made),
            patch.object(client, "Transport", made.line),
            patch.object(client, "RetryPolicy", patient),
            virtual(made.time),
        ):
            yield made
