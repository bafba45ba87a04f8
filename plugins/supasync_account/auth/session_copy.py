"""Sessions, copied once, behind the switch: people stay signed in.

Refresh tokens are rows without a signature, so NEW takes those of OLD; each refresh in OLD makes the copy
stale, so it is made once nobody uses OLD (recorded). Access tokens of OLD are refused by NEW all the same.
"""

# ruff: noqa: S608 - names are quoted, values are parameters

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from supasync_account.auth.account_refusal import no_values
from supasync_core.api.sql_session import SqlSession
from supasync_core.model.errors import RowError, SchemaError
from supasync_core.model.printable import sql_name
from supasync_core.model.wording import counted

AT_ONCE: Final = 1000
"""Sessions that travel in one statement, with their tokens."""
NIL: Final = "00000000-0000-0000-0000-000000000000"
_COLUMNS: Final = """
select c.relname, a.attname, pg_catalog.format_type(a.atttypid, null)
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace and n.nspname = 'auth'
join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    and a.attgenerated = ''
where c.relname in ('sessions', 'refresh_tokens') order by c.relname, a.attnum
"""
_NEEDED: Final = {"sessions": {"id", "user_id"}, "refresh_tokens": {"token", "session_id", "revoked"}}
_NUMBERED: Final = "id"
"""What NEW numbers itself: the id of a token."""

_Row = list[str | None]
"""The cells of a row, as PostgreSQL's own texts."""


@dataclass(frozen=True, slots=True)
class SessionCopy:
    """The sessions of OLD that a refresh token still opens. ``columns`` are those of both sides, by table."""

    old: SqlSession
    new: SqlSession
    columns: Mapping[str, Mapping[str, str]]

    @classmethod
    def between(cls, old: SqlSession, new: SqlSession) -> "SessionCopy | None":
        """None where a side has no such tables, or others."""
        there, here = _columns(old), _columns(new)
        shared = {
            table: {name: kind for name, kind in here.get(table, {}).items() if name in there.get(table, {})}
            for table in _NEEDED
        }
        if any(not needed <= shared[table].keys() for table, needed in _NEEDED.items()):
            return None
        shared["refresh_tokens"].pop(_NUMBERED, None)
        return cls(old, new, shared)

    def count(self) -> int:
        """How many sessions there are to copy."""
        [(number,)] = self.old.query(f"select pg_catalog.count(*) from auth.sessions s where {self._live}")
        return int(number)

    def run(self) -> int:
        """Copy them; how many NEW has taken. One that is there stays as it is; run again, it does no harm."""
        tokens = f"select pg_catalog.json_agg({_row('t', self.columns['refresh_tokens'])})"
        tokens += " from auth.refresh_tokens t where t.session_id = s.id"
        session = _row("s", self.columns["sessions"])
        sql = (
            f"select s.id::text, {session}::text, coalesce(({tokens})::text, '[]') "
            f"from auth.sessions s where s.id > %s::uuid and {self._live} order by s.id limit {AT_ONCE}"
        )
        behind, taken = NIL, 0
        while rows := self.old.query(sql, [behind]):
            behind, read = rows[-1][0], [self._read(*row) for row in rows]
            taken += self._taken(read)
        return taken

    def _taken(self, rows: Sequence[tuple[_Row, list[_Row]]]) -> int:
        """How many of these NEW has taken; one that it refuses stops no other."""
        try:
            with no_values(), self.new.transaction():
                return self._put(rows)
        except RowError:
            half = len(rows) // 2
            return self._taken(rows[:half]) + self._taken(rows[half:]) if half else 0

    def _read(self, session: str, row: str, tokens: str) -> tuple[_Row, list[_Row]]:
        """The row of the session and those of its tokens; SchemaError for others, or of other columns."""
        try:
            found = msgspec.json.decode(row, type=_Row), msgspec.json.decode(tokens, type=list[_Row])
            its = dict(zip(self.columns["sessions"], found[0], strict=True))["id"]
            theirs = [
                dict(zip(self.columns["refresh_tokens"], each, strict=True))["session_id"]
                for each in found[1]
            ]
        except (msgspec.DecodeError, ValueError, RecursionError):
            its, theirs = None, []
        if {its, *theirs} != {session}:
            raise SchemaError(f"OLD answered with rows that are not those of the session {session[:40]}")
        return found

    def _put(self, rows: Sequence[tuple[_Row, list[_Row]]]) -> int:
        """Insert sessions of people that NEW has and does not ban, and the tokens of those people in them."""
        sessions = msgspec.json.encode([session for session, _ in rows]).decode()
        tokens = msgspec.json.encode([each for _, some in rows for each in some]).decode()
        owned = ""
        if "user_id" in self.columns["refresh_tokens"]:
            owned = (
                " and exists (select from auth.sessions s where s.id = x.session_id "
                "and s.user_id::text = x.user_id::text)"
            )
        known = (
            "exists (select from auth.users u where u.id = x.user_id and u.deleted_at is null "
            "and (u.banned_until is null or u.banned_until < pg_catalog.now()))"
        )
        done = self.new.query(
            f"{self._insert('sessions')} where {known} on conflict do nothing returning id::text",
            [sessions],
            purpose="upsert",
        )
        ids = [session for (session,) in done]
        self.new.query(
            f"{self._insert('refresh_tokens')} where x.session_id = any(%s::uuid[]){owned} "
            "on conflict do nothing",
            [tokens, ids],
            purpose="upsert",
        )
        return len(ids)

    def _insert(self, table: str) -> str:
        """SQL that inserts rows of a JSON array of arrays of texts, known as ``x``."""
        columns = self.columns[table]
        names = ", ".join(map(_quoted, columns))
        values = ", ".join(
            f"(r.value ->> {place})::{kind} as {_quoted(name)}"
            for place, (name, kind) in enumerate(columns.items())
        )
        rows = f"select {values} from pg_catalog.json_array_elements(%s::json) r"
        return f"insert into auth.{table} ({names}) select x.* from ({rows}) x"

    @property
    def _live(self) -> str:
        """SQL for a session that has not ended, and that a refresh opens; those of OAuth clients stay."""
        columns = self.columns["sessions"]
        unused = "select from auth.refresh_tokens t where t.session_id = s.id and not t.revoked"
        counter = ["s.refresh_token_hmac_key is not null"] if "refresh_token_hmac_key" in columns else []
        parts = [f"({' or '.join([f'exists ({unused})', *counter])})"]
        if "not_after" in columns:
            parts.append("(s.not_after is null or s.not_after > pg_catalog.now())")
        if "oauth_client_id" in columns:
            parts.append("s.oauth_client_id is null")
        return " and ".join(parts)


def offered(old: SqlSession, new: SqlSession, confirm: Callable[[str], bool]) -> str | None:
    """What was done about sessions, once a person has agreed; None where nothing was."""
    copy = SessionCopy.between(old, new)
    number = copy.count() if copy else 0
    if copy is None or not number:
        return None
    sessions = counted(number, "session", "sessions")
    question = f"Copy {sessions} from OLD to NEW, with their refresh tokens, so that people stay signed in?"
    if not confirm(f"{question} The app must not use OLD any more"):
        return None
    taken = copy.run()
    return f"{counted(taken, 'session', 'sessions')} of {number:,} copied"


def _columns(session: SqlSession) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for table, name, kind in session.query(_COLUMNS):
        found.setdefault(table, {})[name] = kind
    return found


def _row(alias: str, columns: Mapping[str, str]) -> str:
    """SQL for a row as a JSON array of texts, in the order of the columns."""
    return f"pg_catalog.json_build_array({', '.join(f'{alias}.{_quoted(each)}::text' for each in columns)})"


def _quoted(column: str) -> str:
    """The name as SQL, with ``%`` doubled, as `SqlSession.query` wants it."""
    return sql_name(column).replace("%", "%%")
