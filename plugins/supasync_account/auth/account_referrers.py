"""Rows of NEW outside of ``auth`` that go or change with an account, or with a row that belongs to one.

A foreign key may refer to any table of ``auth``: deleting an account deletes its identities, and with them
what refers to these. So keys are followed through ``auth``, at any depth, to the first table outside of it.
"""

# ruff: noqa: S608 - names are quoted, values are parameters

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from supasync_account.auth.account_columns import named, quoted
from supasync_core.api.sql_session import SqlSession
from supasync_core.model.errors import RefusedError
from supasync_core.model.wording import counted

_KEYS: Final = """
select home.nspname, parent.relname, n.nspname, c.relname, k.confdeltype = 'c',
    (select pg_catalog.array_agg(array[mine.attname::text, theirs.attname::text] order by pair.place)
        from unnest(k.conkey, k.confkey) with ordinality pair (mine, theirs, place)
        join pg_catalog.pg_attribute mine on mine.attrelid = k.conrelid and mine.attnum = pair.mine
        join pg_catalog.pg_attribute theirs on theirs.attrelid = k.confrelid and theirs.attnum = pair.theirs)
from pg_catalog.pg_constraint k
join pg_catalog.pg_class c on c.oid = k.conrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_class parent on parent.oid = k.confrelid
join pg_catalog.pg_namespace home on home.oid = parent.relnamespace and home.nspname = 'auth'
where k.contype = 'f' and k.conparentid = 0 order by 1, 2, 3, 4, k.conname
"""


@dataclass(frozen=True, slots=True)
class _Key:
    """A foreign key to a table of ``auth``."""

    parent: str
    schema: str
    table: str
    cascades: bool
    pairs: Sequence[Sequence[str]]

    @property
    def place(self) -> str:
        """The table as SQL."""
        return f"{quoted(self.schema)}.{quoted(self.table)}"


@dataclass
class Referrers:
    """The foreign keys of NEW that lead out of ``auth``."""

    session: SqlSession
    keys: list[_Key] = field(init=False)

    def __post_init__(self) -> None:
        self.keys = [_Key(*row[1:]) for row in self.session.query(_KEYS)]

    def of_accounts(self, ids: Sequence[str]) -> dict[str, str]:
        """For each of these accounts the rows that would go or change with it, in words."""
        return self._found("users", "id", "d.id = any(%s::uuid[])", [list(ids)])

    def of_rows(self, table: str, condition: str, values: Sequence[Any]) -> dict[str, str]:
        """The same by account, for rows ``d`` of a table that belongs to accounts: those of the condition."""
        return self._found(table, "user_id", condition, values)

    def _found(self, start: str, account: str, condition: str, values: Sequence[Any]) -> dict[str, str]:
        found: dict[str, list[str]] = {}
        for path in self._paths(start, ()):
            joins = "".join(
                f" join {key.place} t{place} on "
                + " and ".join(
                    f"{named(f't{place}', mine)} = {named(f't{place - 1}' if place else 'd', theirs)}"
                    for mine, theirs in key.pairs
                )
                for place, key in enumerate(path)
            )
            rows = f"auth.{start} d{joins} where {condition}"
            sql = f"select d.{account}::text, pg_catalog.count(*) from {rows} group by 1"
            last = path[-1]
            columns = ", ".join(mine for mine, _ in last.pairs)
            unseen = f"select d.{account}::text, 0 from auth.{start} d where {condition}"
            for who, number in self._asked(sql, values, unseen):
                rows_of = counted(number, "row", "rows") if number else "rows that this user may not see"
                words = f"{rows_of} of {last.schema}.{last.table}.{columns}"
                found.setdefault(who, []).append(words)
        return {who: f"{', '.join(words)} would go or change with it" for who, words in found.items()}

    def _asked(self, sql: str, values: Sequence[Any], unseen: str) -> list[tuple[Any, ...]]:
        """The rows by account; 0 for each that may have some where the user may not look."""
        try:
            return self.session.query(sql, values)
        except RefusedError as err:
            if err.reason:
                raise
            return self.session.query(unseen, values)

    def _paths(self, parent: str, path: tuple[_Key, ...]) -> Iterator[tuple[_Key, ...]]:
        """From that table of ``auth`` to each table outside of it."""
        for key in self.keys:
            if key.parent != parent or key in path:
                continue
            if key.schema != "auth":
                yield (*path, key)
            elif key.cascades:
                yield from self._paths(key.table, (*path, key))
