"""Random schedules of people beside rows: sign-ups, changed e-mails, bans, deletions; servers that fail.

No person is lost, and nobody is let in who was banned: looked at behind every run, and exactly at the end.
"""

# ruff: noqa: S608 - the statements are made of the soak's own ids

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

from supasync_account.auth import account_deletes, keys_api
from supasync_account.auth.account_door import Project
from supasync_account.auth.account_scripts import removal, script
from supasync_core.api.plugin_host import Host
from supasync_core.config import load
from supasync_core.model.errors import SupasyncError
from supasync_core.model.report import Report
from supasync_core.model.settings import Settings
from supasync_core.project.migration import opened
from supasync_core.project.run_options import RunOptions
from supasync_core.sync import runner
from supasync_rest.retry_policy import RetryPolicy
from tests.servers.hosted import Hosted
from tests.servers.postgres import Cluster
from tests.soak.running import Silent
from tests.supasync_account.accounts import CONFIG, Projects, sign_up
from tests.supasync_account.by_keys import by_keys

WAYS = ("sql", "functions", "keys")
PEOPLE = 9
ANCHOR = 99
"""Somebody who stays."""
WITH = CONFIG.replace("tables:\n", "auth: {deletes: mirror, every: 1s}\ndefaults: {overlap: 1h}\ntables:\n")
MOVES = ("join", "join", "join", "email", "swap", "phone", "ban", "ban", "unban", "name", "leave", "profile")
FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "reset-after", "path": "/admin/users"},
    {"kind": "reset", "path": "/admin/users"},
    {"kind": "answer", "status": 429, "path": "/admin/users", "headers": {"Retry-After": "0"}},
    {"kind": "answer", "status": 503, "path": "/admin/users"},
    {"kind": "reset-after", "path": "supasync_account_marks"},
    {"kind": "reset", "path": "/rest/v1/", "times": 40},
)
"""What a server does to some requests of a run."""
CALLED = "/rpc/supasync_auth"
OF_FUNCTIONS: tuple[dict[str, Any], ...] = (
    {"kind": "reset-after", "path": f"{CALLED}_new"},
    {"kind": "reset", "path": CALLED},
    {"kind": "answer", "status": 503, "path": CALLED},
    {"kind": "answer", "status": 500, "body": '{"code":"57014","message":"canceling"}', "path": CALLED},
    {"kind": "reset", "path": "/rest/v1/", "times": 40},
)
"""The same where functions carry accounts."""
_SEEN = "select id::text, email, phone, banned_until > now(), raw_user_meta_data::text from auth.users"


class LostPersonError(AssertionError):
    """Somebody is missing in NEW, differs there, or is let in."""


@dataclass
class PeopleGround:
    """Both projects, and how runs go by one way."""

    projects: Projects
    host: Host
    settings: dict[str, Settings]

    def clear(self, way: str) -> None:
        """Nobody is anywhere, nothing was copied yet, and functions are there for their way alone."""
        space = self.projects.space
        space.again()
        self.projects.new.paste("drop table if exists public.supasync_accounts")
        sides: tuple[tuple[Project, Hosted], ...] = (("OLD", self.projects.old), ("NEW", self.projects.new))
        for name, side in sides:
            side.paste("delete from public.notes; delete from auth.users")
            side.paste(script(name, {}) if way == "functions" else removal(name))
        space.old.server.reload()
        space.new.server.reload()

    def sync(self, way: str) -> Report | None:
        """One run; None for one that never began."""
        settings = self.settings["sql" if way == "sql" else "keys"]
        try:
            with opened(settings, self.host) as migration:
                options = RunOptions(tables=settings.tables, steps=settings.steps)
                return runner.sync(migration, options, Silent())
        except SupasyncError:
            return None


@dataclass
class Schedule:
    """One schedule of one way; ``log`` tells what happened."""

    ground: PeopleGround
    way: str
    dice: Random
    log: list[str] = field(default_factory=list)
    left: set[int] = field(default_factory=set)
    """Whom OLD deleted: a new account has another id."""

    def play(self, steps: int) -> int:
        """Moves and disturbed runs, then one that is not, behind which both sides have the same people."""
        self.ground.clear(self.way)
        sign_up(self.ground.projects.old, ANCHOR)  # an OLD that has lost everybody is refused
        try:
            for _ in range(steps):
                self.move() if self.dice.random() < 0.75 else self.run(disturbed=True)
            self.run(disturbed=False)
            self.run(disturbed=False)
            self.compare()
        except BaseException as err:
            err.add_note("\n".join(self.log))
            raise
        return steps

    def move(self) -> None:
        """Somebody does something in OLD."""
        what, who, other = self.dice.choice(MOVES), self.dice.randint(1, PEOPLE), self.dice.randint(1, PEOPLE)
        self.log.append(f"{what} {who} {other}")
        here = {row[0][:2]: row[0] for row in self.old("select id::text from auth.users")}
        mine, theirs = here.get(f"{who:02x}"), here.get(f"{other:02x}")
        if what == "join" and not mine and who not in self.left:
            banned = "now() + interval '9 days'" if self.dice.random() < 0.3 else "null"
            columns = {"banned_until": banned, "email": f"'u{who}x{len(self.log)}@example.test'"}
            sign_up(self.ground.projects.old, who, columns)
        if mine:
            self.change(what, who, mine, theirs)

    def change(self, what: str, who: int, mine: str, theirs: str | None) -> None:
        """Change an account of OLD."""
        count = len(self.log)
        statements = {
            "email": f"update auth.users set email = 'e{count}@example.test' where id = '{mine}'",
            "phone": f"update auth.users set phone = '1555000{count:04}' where id = '{mine}'",
            "ban": f"update auth.users set banned_until = now() + interval '9 days' where id = '{mine}'",
            "unban": f"update auth.users set banned_until = null where id = '{mine}'",
            "name": f"""update auth.users set raw_user_meta_data = '{{"n": {count}}}' where id = '{mine}'""",
            "leave": f"delete from auth.users where id = '{mine}'",
            "profile": f"insert into public.profiles (id, name) values ('{mine}', 'p{count}') "
            f"on conflict (id) do update set name = excluded.name, updated_at = now()",
        }
        if what == "swap" and theirs and theirs != mine:
            self.old(
                "create temp table was as select id, email from auth.users "
                f"where id in ('{mine}', '{theirs}'); update auth.users u set email = null from was "
                "where was.id = u.id; update auth.users u set email = w.email from was, was w "
                "where was.id = u.id and w.id <> was.id"
            )
        elif what in statements:
            self.old(statements[what])
            if what == "leave":
                self.left.add(who)

    def run(self, *, disturbed: bool) -> None:
        """A run, in which servers may fail; behind it nobody is let in who was banned before it began."""
        banned = {row[0] for row in self.old("select id::text from auth.users where banned_until > now()")}
        before = {row[0] for row in self.new("select id::text from auth.users")}
        space = self.ground.projects.space
        for end in (space.old, space.new) if disturbed else ():
            faults = OF_FUNCTIONS if self.way == "functions" else FAULTS
            chosen = self.dice.sample(faults, self.dice.choice([0, 1, 2]))
            end.server.misbehave(*({**each, "nth": self.dice.randint(1, 12)} for each in chosen))
        report = self.ground.sync(self.way)
        space.old.server.behave()
        space.new.server.behave()
        [step] = report.steps if report and report.steps else [None]
        self.log.append(f"run: {report and report.status}, {step and (step.summary, step.notes, step.error)}")
        for account, *_, is_banned, _ in self.new(_SEEN):
            looked = (step and step.status == "ok") or account not in before
            if looked and account in banned and not is_banned:
                raise LostPersonError(f"{account} is banned in OLD, and can sign in to NEW")

    def compare(self) -> None:
        """Both sides have the same people and profiles; whom OLD deleted is gone, or has rows in NEW."""
        there, here = ({row[0]: row[1:] for row in side(_SEEN)} for side in (self.old, self.new))
        rows = {row[0] for row in self.new("select id::text from public.profiles")}
        lost = sorted(there.keys() - here.keys())
        more = sorted(here.keys() - there.keys() - rows)
        other = [each for each in there.keys() & here.keys() if there[each] != here[each]]
        if lost or more or other:
            pairs = [(there[each], here[each]) for each in other]
            raise LostPersonError(f"lost {lost}, left over {more}, different {pairs}")
        names = "select id::text, name from public.profiles"
        if not set(self.old(names)) <= set(self.new(names)):
            raise LostPersonError("a profile is missing, or differs")

    def old(self, query: str) -> list[tuple[Any, ...]]:
        """SQL in OLD."""
        return self.ground.projects.old.paste(query)

    def new(self, query: str) -> list[tuple[Any, ...]]:
        """SQL in NEW."""
        return self.ground.projects.new.paste(query)


@contextmanager
def ground(cluster: Cluster, folder: Path) -> Iterator[PeopleGround]:
    """Both projects, set up, and nobody waits."""
    host = Host()
    host.load_installed()
    with by_keys(cluster, folder) as projects, ExitStack() as stack:
        projects.space.write("tables.yaml", WITH)
        projects.space.keep()
        space = projects.space
        urls = {
            f"{name}_DATABASE_URL": end.cluster.url(end.database, "hosted_postgres")
            for name, end in (("OLD", space.old), ("NEW", space.new))
        }
        path = folder / "tables.yaml"
        settings = {"keys": load(path, {}, host), "sql": load(path, urls, host)}
        waits = {**(RetryPolicy.__init__.__kwdefaults__ or {}), "sleep": lambda _seconds: None}
        stack.enter_context(patch.object(RetryPolicy.__init__, "__kwdefaults__", waits))
        stack.enter_context(patch.object(keys_api, "FIRST", 0.0))
        stack.enter_context(patch.object(account_deletes, "_PART", 1))
        yield PeopleGround(projects, host, settings)


def play(made: PeopleGround, seed: int, steps: int = 30, ways: Sequence[str] = WAYS) -> int:
    """One schedule of each way, by this seed."""
    return sum(Schedule(made, way, Random(seed)).play(steps) for way in ways)  # noqa: S311 - dice
