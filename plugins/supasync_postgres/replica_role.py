"""Writing as a replica: NEW's triggers do not fire for copied rows, and foreign keys are checked by a query.

``session_replication_role = replica`` (PostgreSQL documentation, 19.11) turns off triggers, and with them
those that check foreign keys. Supabase's ``postgres`` may set it. A table is written so only where that query
checks the same, where no unique constraint is deferrable (triggers check these, too), and where no action of
a foreign key could be due: an upsert changes no key.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Final

from supasync_core.api.backend import Remark
from supasync_core.model.errors import RefusedError, RowError, SchemaError
from supasync_core.model.table import Table
from supasync_postgres.database import Database
from supasync_postgres.page_query import name_of, printed, relation
from supasync_postgres.transaction import Found, Statement, Transaction

SET: Final = "SET LOCAL session_replication_role = replica"
ORIGIN: Final = "SET LOCAL session_replication_role = origin"
"""PostgreSQL checks foreign keys itself then, row by row."""
_KEYS: Final = """
select coalesce(json_agg(json_build_object(
    'name', k.conname, 'mine', k.conrelid = c.oid, 'full', k.confmatchtype <> 's', 'schema', n.nspname,
    'parent', o.relname, 'self', k.conrelid = k.confrelid,
    'columns', (select json_agg(a.attname order by x.place) from unnest(k.conkey) with ordinality x (n, place)
        join pg_attribute a on a.attrelid = k.conrelid and a.attnum = x.n),
    'operators', (select json_agg(json_build_array(q.nspname, r.oprname) order by x.place)
        from unnest(k.conpfeqop) with ordinality x (o, place)
        join pg_operator r on r.oid = x.o join pg_namespace q on q.oid = r.oprnamespace),
    'theirs', (select json_agg(a.attname order by x.place) from unnest(k.confkey) with ordinality x (n, place)
        join pg_attribute a on a.attrelid = k.confrelid and a.attnum = x.n)) order by k.conname), '[]'),
    exists (select from pg_constraint d join pg_class e on e.oid = d.conrelid
        join pg_namespace f on f.oid = e.relnamespace
        where f.nspname = %s and e.relname = %s and d.condeferrable and d.contype in ('p', 'u', 'x'))
from pg_class c join pg_namespace s on s.oid = c.relnamespace
join pg_constraint k on k.contype = 'f' and k.conparentid = 0 and c.oid in (k.conrelid, k.confrelid)
join pg_class o on o.oid = k.confrelid join pg_namespace n on n.oid = o.relnamespace
where s.nspname = %s and c.relname = %s
"""
"""The foreign keys of a table and those to it, and whether an internal trigger checks that rows are unique,
which a replica does not fire."""


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A foreign key of the table that is written."""

    name: str
    parent: tuple[str, str]
    columns: tuple[str, ...]
    theirs: tuple[str, ...]
    operators: tuple[tuple[str, str], ...]
    """By which each pair is compared, with its schema."""
    own: bool
    """Whether it refers to the table itself."""


_OLD_GUARD: Final = """
select 1 from pg_proc p where p.oid = to_regprocedure('public.supasync_writes()')
    and strpos(p.prosrc, 'supasync.writes') = 0
"""
_FIRING: Final = """
select t.tgname from pg_trigger t join pg_class c on c.oid = t.tgrelid
join pg_namespace n on n.oid = c.relnamespace
where n.nspname = %s and c.relname = %s and not t.tgisinternal and t.tgenabled in ('A', 'R')
    and t.tgtype & (4 + 8 + 16) <> 0
order by 1
"""


_QUIET: Final = """
select not exists (select from pg_catalog.pg_trigger t
    join pg_catalog.pg_class c on c.oid = t.tgrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname = %s and c.relname = %s and not t.tgisinternal and t.tgenabled <> 'D')
"""


class ReplicaRole:
    """Which tables of a database are written as a replica."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._may: bool | None = None
        self._known: dict[tuple[str, str], Sequence[ForeignKey] | None] = {}
        self._lock = Lock()

    def keys(self, table: Table) -> Sequence[ForeignKey] | None:
        """The foreign keys to check where the table is written so; None where triggers fire as usual."""
        with self._lock:
            if self._may is None:
                self._may = self._tried()
            if not self._may:
                return None
            if table.address not in self._known:
                self._known[table.address] = self._looked_up(table)
            return self._known[table.address]

    def is_quiet(self, transaction: Transaction, table: Table) -> bool:
        """Whether triggers may be left on: none fires but those that check foreign keys."""
        return transaction.run(Statement(_QUIET, table.address, "upsert", table)).text() == "t"

    def remarks(self, tables: Sequence[Table], found: Sequence[Remark]) -> Iterator[Remark]:
        """Those that hold where rows are written so: triggers that do not fire are not among them."""
        quiet = {table.name for table in tables if table.deletes != "mirror" and self.keys(table) is not None}
        yield from (each for each in found if each.kind != "trigger" or each.table not in quiet)
        if len(quiet) < len(tables):
            yield from self._old_guard()
        for table in tables:
            if table.name in quiet:
                rows = self._database.one(Statement(_FIRING, table.address, "schema")).rows
                for name in (row[0].decode() for row in rows if row[0]):
                    yield Remark(
                        kind="trigger",
                        level="warning",
                        table=table.name,
                        text=f"{table.name}: the trigger {name} of NEW fires for copied rows (ENABLE ALWAYS)",
                        hint="run there until the switch: alter table ... enable trigger ...",
                    )

    def _old_guard(self) -> Iterator[Remark]:
        if self._database.one(Statement(_OLD_GUARD, purpose="schema")).rows:
            text = "NEW: its guarded triggers fire for rows of a direct connection: the guard is outdated"
            hint = "paste what supasync schema sql --triggers guard prints into NEW's SQL editor again"
            yield Remark(kind="trigger", level="warning", table=None, text=text, hint=hint)

    def _tried(self) -> bool:
        def attempt(transaction: Transaction) -> None:
            transaction.script(SET, "schema")

        try:
            self._database.work(attempt, Statement("", purpose="schema"))
        except (RefusedError, SchemaError) as err:
            err.raise_if_of_the_project()
            return False
        return True

    def _looked_up(self, table: Table) -> Sequence[ForeignKey] | None:
        told = self._database.one(Statement(_KEYS, [*table.address, *table.address], "schema"))
        found, key = json.loads(told.text()), set(table.key)
        if told.text(0, 1) == "t":
            return None
        if any(each["full"] for each in found if each["mine"]):
            return None
        if any(set(each["theirs"]) - key for each in found if not each["mine"] or each["self"]):
            return None  # ON UPDATE may be due for columns that an upsert changes
        return [
            ForeignKey(
                each["name"],
                (each["schema"], each["parent"]),
                tuple(each["columns"]),
                tuple(each["theirs"]),
                tuple((schema, sign) for schema, sign in each["operators"]),
                each["self"],
            )
            for each in found
            if each["mine"]
        ]


def checked(insert: str, keys: Sequence[ForeignKey], written: Sequence[str]) -> tuple[str, list[ForeignKey]]:
    """The statement that writes, and returns how many rows, and of each key a value that has no parent."""
    keys = [key for key in keys if set(key.columns) & set(written)]
    returned = dict.fromkeys(
        [name for key in keys for name in (*key.columns, *(key.theirs if key.own else ()))]
    )
    if not keys:
        return insert, []
    names = ", ".join(f"_target.{name_of(name)}" for name in returned)
    return f"WITH written AS ({insert} RETURNING {names}) {_counted(keys)}", list(keys)


def checked_between(table: Table, keys: Sequence[ForeignKey], ends: tuple[str, str]) -> Statement:
    """The same of the table's rows from one key to another, which COPY has written; none else lies there."""
    columns = dict.fromkeys(name for key in keys for name in (*key.columns, *(key.theirs if key.own else ())))
    names, key = ", ".join(map(name_of, columns)), name_of(table.key[0])
    between = f"{key} OPERATOR(pg_catalog.>=) %s AND {key} OPERATOR(pg_catalog.<=) %s"
    rows = f"SELECT {names} FROM {relation(table)} WHERE {between}"  # noqa: S608 - names are quoted
    return Statement(f"WITH written AS ({rows}) {_counted(keys)}", ends, "upsert", table, writes=True)


def _counted(keys: Sequence[ForeignKey]) -> str:
    """How many rows were written, and of each key a value that has no parent."""
    orphans = ", ".join(
        f"(SELECT {_row(key)} FROM written w WHERE {_orphaned(key)} LIMIT 1)"  # noqa: S608 - names are quoted
        for key in keys
    )
    return f"SELECT pg_catalog.count(*), {orphans} FROM written"  # noqa: S608 - the same


def refuse_orphans(found: Found, keys: Sequence[ForeignKey], table: Table, project: str) -> None:
    """RowError in the words of PostgreSQL where a row has no parent."""
    for key, value in zip(keys, found.rows[0][1:], strict=True):
        if value is not None:
            raise RowError(
                f'{table.name}: {project} refuses rows (23503 insert or update on table "{table.relation}" '
                f'violates foreign key constraint "{key.name}")',
                table=table.name,
                hint="copy the table that it refers to first (depends_on:)",
                sqlstate="23503",
                columns=key.columns,
                value=f"({', '.join(json.loads(value))})",
                other=key.parent[1],
                constraint=key.name,
            )


def _row(key: ForeignKey) -> str:
    return f"pg_catalog.json_build_array({', '.join(printed(f'w.{name_of(name)}') for name in key.columns)})"


def _orphaned(key: ForeignKey) -> str:
    given = [f"w.{name_of(name)} IS NOT NULL" for name in key.columns]
    parent = ".".join(map(name_of, key.parent))
    places = [parent, *(["written"] if key.own else [])]
    return " AND ".join(
        [*given, *(f"NOT EXISTS (SELECT FROM {each} p WHERE {_same(key)})" for each in places)]
    )


def _same(key: ForeignKey) -> str:
    pairs = zip(key.columns, key.theirs, key.operators, strict=True)
    return " AND ".join(
        f"p.{name_of(theirs)} OPERATOR({name_of(schema)}.{sign}) w.{name_of(mine)}"
        for mine, theirs, (schema, sign) in pairs
    )
