"""What supasync wrote last of each account: the table ``supasync_accounts`` of NEW, an id and a mark each.

It tells an account that OLD deleted from one that signed up in NEW, and one that changed in NEW from one that
changed in OLD. Servers of another version have other columns, so marks are made again where nothing else has
changed.
"""

# ruff: noqa: S608 - names are quoted, values are parameters

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from supasync_account.auth.account_columns import AccountColumns, mark
from supasync_account.auth.account_side import Sum, summed
from supasync_core.api.sql_session import SqlSession
from supasync_core.model.errors import SchemaError
from supasync_core.model.printable import sql_text

TABLE: Final = "public.supasync_accounts"
_FOUND: Final = """
select c.relkind = 'r' and pg_catalog.pg_get_userbyid(c.relowner) = current_user,
    pg_catalog.obj_description(c.oid, 'pg_class')
from pg_catalog.pg_class c where c.oid = pg_catalog.to_regclass('public.supasync_accounts')
"""
_MADE: Final = (
    f"create table {TABLE} (id uuid primary key, mark text not null)",
    f"alter table {TABLE} enable row level security",
    """do $roles$
declare other name;
begin
    for other in select rolname from pg_catalog.pg_roles
        where rolname in ('anon', 'authenticated', 'service_role')
    loop
        execute pg_catalog.format('revoke all on public.supasync_accounts from %%I', other);
    end loop;
    revoke all on public.supasync_accounts from public;
end
$roles$""",
)


@dataclass(frozen=True, slots=True)
class AccountRecords:
    """The marks that were written last; a ``missing`` table holds none, until `prepare` makes it."""

    session: SqlSession
    columns: AccountColumns
    missing: bool
    form: str | None
    """What the marks in the table are made of."""

    @classmethod
    def of(cls, session: SqlSession, columns: AccountColumns) -> "AccountRecords":
        """Those of NEW; SchemaError where somebody else made a table of this name."""
        found = session.query(_FOUND)
        if found and not found[0][0]:
            raise SchemaError(
                f"NEW: {TABLE} is not a table of this connection's own user, and was not used",
                hint="if supasync made it, connect as its owner; else rename it",
            )
        return cls(session, columns, not found, found[0][1] if found else None)

    @property
    def ready(self) -> bool:
        """Whether the table is there, and its marks are of the columns that both sides have now."""
        return not self.missing and self.form == self.columns.form

    def prepare(self) -> "AccountRecords":
        """Make the table, or its marks again where servers have other columns than when it was written."""
        with self.session.transaction():
            if self.missing:
                for statement in _MADE:
                    self.session.query(statement)
            else:
                self._remark()
            text = sql_text(self.columns.form).replace("%", "%%")
            self.session.query(f"comment on table {TABLE} is {text}")
        return AccountRecords(self.session, self.columns, missing=False, form=self.columns.form)

    def marks(self, parts: Sequence[str]) -> dict[str, str]:
        """The marks by id of these parts."""
        if self.missing:
            return {}
        where = "where pg_catalog.left(r.id::text, 2) = any(%s::text[])"
        return dict(self.session.query(f"select r.id::text, r.mark from {TABLE} r {where}", [list(parts)]))

    def sums(self) -> dict[str, Sum]:
        """What supasync wrote of each part, summed up as both sides are."""
        if self.missing:
            return {}
        return summed(self.session, f"select r.id, r.mark from {TABLE} r")

    def note(self, ids: Sequence[str]) -> dict[str, str]:
        """Remember these accounts as NEW has them now; their marks."""
        marks = f"select u.id, {self.columns.mark} from auth.users u where u.id = any(%s::uuid[])"
        sql = (
            f"insert into {TABLE} as r (id, mark) {marks} on conflict (id) "
            "do update set mark = excluded.mark returning r.id::text, r.mark"
        )
        return dict(self.session.query(sql, [list(ids)], purpose="upsert"))

    def forget(self, ids: Iterable[str]) -> None:
        """Remember nothing of accounts that neither side has any more."""
        gone = list(ids)
        if gone:
            self.session.query(
                f"delete from {TABLE} r where r.id = any(%s::uuid[])", [gone], purpose="delete"
            )

    def _remark(self) -> None:
        """Marks of today's columns for all accounts that are as they were written, by those of then."""
        try:
            users, owned = json.loads(self.form or "")
        except ValueError:
            return  # nobody knows what they are made of: all of them count as changed in NEW
        owned = owned if isinstance(owned, dict) else {"identities": owned}
        now = {table.name: table for table in (self.columns.users, *self.columns.owned)}
        there = all(name in now and set(names) <= set(now[name].types) for name, names in owned.items())
        if not there or not set(users) <= set(self.columns.users.types):
            return
        # Rows that were not looked at so far are NEW's own: an account that has any changed there.
        fresh = [
            f"and not exists (select from auth.{table.name} d where d.user_id = u.id)"
            for table in self.columns.owned
            if table.name not in owned
        ]
        self.session.query(
            f"update {TABLE} r set mark = {self.columns.mark} from auth.users u "
            f"where u.id = r.id and r.mark = {mark(users, owned)} {' '.join(fresh)}",
            purpose="upsert",
        )
