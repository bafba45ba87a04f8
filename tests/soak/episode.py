"""One random schedule: an app that writes, runs that are disturbed, and in the end one that is not.

Time is virtual: rows are stamped with it, and OLD's server dates its answers by it: hours pass at once.
Every write keeps to what supasync promises: a row's timestamp moves forward, and a transaction commits within
the overlap of its timestamps. Deletes are not promised, so rows that OLD deleted are left out at the end.
"""

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import psycopg

from supasync_core import progress, runner
from supasync_core.errors import LockedError, SupasyncError
from supasync_core.plan import Plan
from supasync_core.plugins import Host
from supasync_core.project import opened
from supasync_core.report import Report, TableResult
from supasync_core.settings import Settings
from supasync_core.tables import Table
from tests.e2e.workspace import Workspace

OVERLAP = 900.0
KEYS = 60
SKEWS = (0.0, 0.0, 8 * 3600.0, -8 * 3600.0)


class KilledError(BaseException):
    """Stands for SIGKILL: nothing after it happens."""


@dataclass
class Slow:
    """A transaction that is still open, and the keys that it holds."""

    connection: psycopg.Connection
    stamped: float
    keys: set[int]


@dataclass
class Spy:
    """Looks on, and does something after so many batches."""

    after: int
    what: Callable[[], None]

    def table_begins(self, table: Table) -> None:
        """Nothing."""

    def rows_confirmed(self, table: Table, done: int, total: int) -> None:
        """Strike when it is time."""
        self.after -= 1
        if self.after == 0:
            self.what()

    def table_ended(self, result: TableResult) -> None:
        """Nothing."""


@dataclass
class Episode:
    """The state of one schedule; ``log`` tells what happened, for whoever has to find out why."""

    space: Workspace
    settings: Settings
    host: Host
    dice: random.Random
    now: float = 0.0
    slow: list[Slow] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    untouchable: set[int] = field(default_factory=set)

    def play(self, steps: int) -> None:
        """Run a schedule, then one undisturbed run, and compare the databases."""
        self.skew = self.dice.choice(SKEWS)
        self._set_clock()
        moves = (self.write, self.write, self.open_slow, self.bulk, self.delete, self.future, self.advance)
        runs = (self.run, self.run, self.crash, self.fault, self.overlap)
        for _ in range(steps):
            self.dice.choice(moves if self.dice.random() < 0.6 else runs)()
        for slow in list(self.slow):
            self._commit(slow)
        self.now += 3 * OVERLAP
        self._set_clock()
        report = self.run()
        assert report.status == "success", (report.error, self.log)
        self._compare()

    def write(self) -> None:
        """Some rows are inserted or updated and committed at once."""
        keys = self._free_keys(self.dice.randint(1, 5))
        self.log.append(f"write {sorted(keys)} at {self.now:.0f}")
        with psycopg.connect(self._url(), autocommit=False) as connection:
            self._upsert(connection, keys)

    def bulk(self) -> None:
        """Many rows get one timestamp."""
        keys = self._free_keys(KEYS // 2)
        self.log.append(f"bulk of {len(keys)} at {self.now:.0f}")
        with psycopg.connect(self._url(), autocommit=False) as connection:
            self._upsert(connection, keys)

    def open_slow(self) -> None:
        """A transaction stamps rows now and commits later."""
        if len(self.slow) >= 3:
            self._commit(self.slow[0])
            return
        keys = self._free_keys(self.dice.randint(1, 4))
        connection = psycopg.connect(self._url(), autocommit=False)
        self._upsert(connection, keys)
        self.slow.append(Slow(connection, self.now, keys))
        self.log.append(f"slow {sorted(keys)} at {self.now:.0f}")

    def delete(self) -> None:
        """A row that no other refers to goes."""
        keys = self._free_keys(1)
        self.log.append(f"delete {sorted(keys)}")
        self.space.old.run(f"delete from public.children where id = {keys.pop()}")  # noqa: S608 - a number

    def future(self) -> None:
        """A row is stamped a year ahead; nobody touches it again, for its timestamp could only fall."""
        keys = self._free_keys(1)
        with psycopg.connect(self._url(), autocommit=False) as connection:
            self._upsert(connection, keys, ahead=365 * 86400)
        self.untouchable |= keys
        self.log.append(f"future {sorted(keys)}")

    def advance(self) -> None:
        """Time passes; transactions commit before the overlap is over."""
        by = self.dice.choice([1.0, 30.0, 600.0, 3600.0])
        for slow in list(self.slow):
            if self.now + by - slow.stamped > OVERLAP - 60 or self.dice.random() < 0.3:
                self._commit(slow)
        self.now += by
        self._set_clock()
        self.log.append(f"now {self.now:.0f}")

    def run(self) -> Report:
        """An undisturbed run."""
        self.log.append("run")
        report = self._sync(Spy(0, lambda: None))
        self.log.append(f"  {report.status}: {report.records}")
        return report

    def crash(self) -> None:
        """A run that is killed behind some batch."""

        def kill() -> None:
            raise KilledError

        self.log.append("crash")
        with suppress(KilledError):
            self._sync(Spy(self.dice.randint(1, 6), kill))

    def fault(self) -> None:
        """A run in a bad network; it may fail, and repeats what may be repeated."""
        end = self.dice.choice([self.space.old, self.space.new])
        rule: dict[str, object] = self.dice.choice(
            [
                {"kind": "reset"},
                {"kind": "reset-after"},
                {"kind": "truncate", "bytes": 50},
                {"kind": "answer", "status": 503},
                {"kind": "answer", "status": 402},
                {"kind": "answer-after", "status": 502},
            ]
        )
        self.log.append(f"fault {rule}")
        end.server.misbehave({**rule, "nth": self.dice.randint(1, 8)})
        with suppress(SupasyncError):
            self._sync(Spy(0, lambda: None))
        end.server.behave()
        self._set_clock()

    def overlap(self) -> None:
        """A second machine takes over in the middle of a run, which must stop before it writes on.

        The first run looks at its lease before each batch, as it does after a minute without a sign of life.
        """

        def take_over() -> None:
            self.write()
            self.advance()
            self.space.new.run("update sync_metadata set lease_until = now() where sync_status = 'running'")
            self._sync(Spy(0, lambda: None), holder="another machine")

        self.log.append("overlap")
        with suppress(LockedError), patch.object(progress, "CHECKPOINT_SECONDS", 0.0):
            self._sync(Spy(self.dice.randint(1, 4), take_over))

    def _sync(self, watch: Spy, holder: str = "this machine") -> Report:
        with opened(self.settings, self.host) as project:
            plan = Plan(holder=holder, tables=self.settings.tables)
            return runner.sync(project, plan, watch)

    def _free_keys(self, count: int) -> set[int]:
        held = self.untouchable.union(*(slow.keys for slow in self.slow))
        free = [key for key in range(1, KEYS + 1) if key not in held]
        return set(self.dice.sample(free, min(count, len(free))))

    def _upsert(self, connection: psycopg.Connection, keys: set[int], ahead: float = 0.0) -> None:
        """Parents by their creation and update, children by their update alone."""
        stamp = self._stamp(ahead)
        version = self.dice.randint(0, 10**9)
        for key in sorted(keys):
            connection.execute(
                "insert into public.parents values (%s, %s, %s, null) on conflict (id) do update "
                "set version = excluded.version, updated_at = excluded.created_at",
                [key, version, stamp],
            )
            connection.execute(
                "insert into public.children values (%s, %s, %s, %s) on conflict (id) do update "
                "set version = excluded.version, updated_at = excluded.updated_at",
                [key, key, version, stamp],
            )

    def _stamp(self, ahead: float = 0.0) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.now + self.skew + ahead)

    def _commit(self, slow: Slow) -> None:
        slow.connection.commit()
        slow.connection.close()
        self.slow.remove(slow)
        self.log.append(f"commit {sorted(slow.keys)} at {self.now:.0f}")

    def _url(self) -> str:
        return self.space.old.cluster.url(self.space.old.database)

    def _set_clock(self) -> None:
        """OLD's clock is that of the rows: rules add up, and of two clocks the older one would win."""
        self.space.old.server.behave()
        self.space.old.server.misbehave({"kind": "clock", "seconds": self.now, "times": None})

    def _compare(self) -> None:
        for table in ("parents", "children"):
            old, new = set(self.space.old.texts(table)), set(self.space.new.texts(table))
            assert old <= new, (table, sorted(old - new)[:5], self.log)
