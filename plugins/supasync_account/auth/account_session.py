"""The door for accounts in a session of the database."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final, Self

from supasync_account.auth.account_door import ADMITTED, Project, Step, Terms, changed
from supasync_account.auth.account_fragments import fragments
from supasync_account.auth.account_queries import QUERIES
from supasync_core.api.sql_session import PINNED, SqlSession
from supasync_core.model.errors import SchemaError, TakenOverError
from supasync_core.model.printable import sql_text
from supasync_core.model.sql_template import with_fragments

WRITES: Final = "select pg_catalog.set_config('supasync.writes', 'on', true)"
"""What guards of triggers ask for, until the transaction ends."""
_USUAL_PATH: Final = (
    "select pg_catalog.set_config('search_path', s.reset_val, true) from pg_catalog.pg_settings s "
    "where s.name operator(pg_catalog.=) 'search_path'"
)
_AGAIN: Final = "run this again"
SHARED: Final = (
    "select pg_catalog.pg_advisory_xact_lock_shared("
    "pg_catalog.hashtextextended('public.sync_metadata: writes', 0))"
)
NEWEST: Final = (
    "select m.run_id::text, m.sync_status from public.sync_metadata m where m.run_id is not null "
    "order by m.seq desc limit 1"
)
REPINNED: Final = ", ".join(
    f"pg_catalog.set_config({sql_text(name)}, {sql_text(value)}, true)" for name, value in PINNED.items()
)
"""SQL for supasync's own settings: a trigger may have changed any of those by which marks are printed.

They end with the transaction, and until then stand before what a trigger has set for the session.
"""
_OWN: Final = "select 1 from public.sync_metadata m where m.run_id::text = %s"


@dataclass(slots=True)
class SessionDoor:
    """An `AccountDoor`. Queries are filled for the columns once."""

    session: SqlSession
    made: Mapping[str, Any] = field(default_factory=dict)
    at_once: int = 20_000
    largest: int = 16_000_000
    """PostgreSQL takes a JSON array of 256 MB."""
    leased: dict[str, bool] = field(default_factory=dict)
    """By run, whether its record is in this database, where a transaction can hold on to it."""
    turn: Lock = field(default_factory=Lock)
    """A session is for one thread at a time, and accounts are read ahead."""

    @property
    def project(self) -> Project:
        return "OLD" if self.session.read_only else "NEW"

    def shaped(self, asked: Mapping[str, Any]) -> Self:
        made = self._made(asked)
        if "then" in asked:
            made["then_mark"] = self._made(asked["then"])["mark"]
        return type(self)(self.session, made, leased=self.leased, turn=self.turn)

    def beside(self, session: SqlSession) -> Self:
        """The same in another session of the same database."""
        return type(self)(session, self.made, leased=self.leased)

    def ask(self, query: str, *values: Any, table: str = "users") -> list[tuple[Any, ...]]:  # noqa: ANN401 - SQL's
        with self.turn:
            return self.asked(query, values, table)

    def together(self, steps: Sequence[Step], terms: Terms) -> tuple[set[str], list[list[tuple[Any, ...]]]]:
        with self.turn:
            return self._written(steps, terms)

    @contextmanager
    def writing(self, run: str | None) -> Iterator[None]:
        """A transaction of which guards of triggers know; TakenOverError where this run has lost its lease.

        As long as it is open, no other run begins.
        """
        leased = self._leased(run)
        with self.session.transaction():
            self.session.query(WRITES)
            if leased:
                self.session.query(SHARED)
                newest = self.session.query(NEWEST)
                if not newest or newest[0] != (run, "running"):
                    raise TakenOverError
            yield

    def asked(self, query: str, values: Sequence[Any], table: str = "users") -> list[tuple[Any, ...]]:
        """The rows of an answer, inside a transaction of whoever has the session's turn."""
        asked = QUERIES[query]
        named = [*values] * asked.named
        return self.session.query(self.filled(asked.text, table), named, purpose=asked.purpose)

    def filled(self, text: str, table: str = "users") -> str:
        """SQL with its fragments, whose percent signs are doubled as the session wants it."""
        parts = {**self.made, **self.made.get("tables", {}).get(table, {}), "tab": table}
        texts = {name: part.replace("%", "%%") for name, part in parts.items() if isinstance(part, str)}
        return with_fragments(text, texts)

    def _written(self, steps: Sequence[Step], terms: Terms) -> tuple[set[str], list[list[tuple[Any, ...]]]]:
        with self.writing(terms.run):
            now = dict(self.asked("locked", [list(terms.allowed)])) if terms.allowed else {}
            others = changed(now, terms.allowed)
            if others:
                return others, []
            return set(), [self._step(each, fires=terms.fires) for each in steps]

    def _step(self, step: Step, *, fires: bool) -> list[tuple[Any, ...]]:
        """The answer of one step; the names that triggers look up are on the path as long as it runs."""
        if not fires or not QUERIES[step.query].fires:
            return self.asked(*step)
        self.session.query(_USUAL_PATH)
        found = self.asked(*step)
        self.session.query(f"select {REPINNED}")
        return found

    def _made(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        [(made,)] = self.session.query(fragments("%s::jsonb", ADMITTED), [json.dumps(asked)])
        if made["lacking"]:
            raise SchemaError(f"{made['lacking']}: another program has changed it meanwhile", hint=_AGAIN)
        return dict(made)

    def _leased(self, run: str | None) -> bool:
        if not run:
            return False
        if run not in self.leased:
            try:
                self.leased[run] = bool(self.session.query(_OWN, [run]))
            except SchemaError:
                self.leased[run] = False  # the state is elsewhere, as beside a file
        return self.leased[run]
