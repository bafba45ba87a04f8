"""Tables and columns from PostgreSQL's own catalog, in the words of PostgREST's description.

Types are named as there (a domain by what it stands on), so that a table looks the same to `rest` and to
`postgres`, which may be changed for each other.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final, Literal

from supasync_core.model.pg_types import MOMENTS, WHOLE
from supasync_core.model.table import Column, Shape, Table
from supasync_postgres.database import Database
from supasync_postgres.transaction import Statement

HIDDEN: Final = ("row level security policies and rights",)

Beyond = Literal["", "json", "jsonb", "array", "always"]
"""Which values of a type JSON cannot carry: none, some of such a type, or any perhaps."""
Cast = Literal["", "own", "elements", "within"]
"""Where a type has a cast to JSON that somebody wrote: nowhere, itself, its elements, or deeper in it.

An implicit cast counts as the latter, whatever it leads to: it may run where a value is compared.
"""

_ONE_TEXT: Final = (
    *(*WHOLE, *MOMENTS, "boolean", "uuid", "text", "character varying", "bytea", "money"),
    *("inet", "cidr", "macaddr", "macaddr8", "time without time zone", "time with time zone"),
)
"""Types of which equal values are one text, where no collation says otherwise."""
_COLUMNS: Final = """
with recursive base (oid, base) as (
    select t.oid, t.oid from pg_type t where t.typtype <> 'd'
    union all
    select d.oid, b.base from base b join pg_type d on d.typtype = 'd' and d.typbasetype = b.oid
), somebodys (oid, at) as (
    select t.oid, case when s.castcontext = 'i' then 'within' else 'own' end
    from pg_cast s join pg_type t on t.oid = s.castsource
    join pg_proc p on p.oid = s.castfunc join pg_language l on l.oid = p.prolang
    where t.oid >= 16384 and l.lanname not in ('c', 'internal') and (s.castcontext = 'i'
        or s.casttarget = 'json'::regtype and t.typtype not in ('c', 'd') and t.typcategory <> 'A')
    union
    select whole.oid, case when whole.kind = 'd' then part.at
        when whole.kind = 'A' and part.at = 'own' then 'elements' else 'within' end
    from somebodys part join (
        select t.oid, t.typelem, 'A' from pg_type t where t.typcategory = 'A' and t.typelem <> 0
        union all select t.oid, t.typbasetype, 'd' from pg_type t where t.typtype = 'd'
        union all select c.reltype, a.atttypid, 'c' from pg_attribute a join pg_class c on c.oid = a.attrelid
            where a.attnum > 0 and c.reltype <> 0
    ) whole (oid, part, kind) on whole.part = part.oid
)
select n.nspname, c.relname, c.relkind, coalesce((select json_agg(json_build_object(
    'name', a.attname,
    'type', format_type(b.base, null),
    'declared', format_type(a.atttypid, a.atttypmod),
    'nullable', not a.attnotnull,
    'key', exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary
        and a.attnum = any (i.indkey)),
    'default', case when a.attgenerated = '' and a.attidentity = ''
        then pg_get_expr(f.adbin, f.adrelid) end,
    'values', (select json_agg(e.enumlabel order by e.enumsortorder)
        from pg_enum e where e.enumtypid = b.base),
    'length', case when b.base in (1042, 1043) and a.atttypmod > 4 then a.atttypmod - 4
        when b.base in (1560, 1562) and a.atttypmod > 0 then a.atttypmod end,
    'refers', (select json_build_array(o.relname, r.attname) from pg_constraint k
        join pg_class o on o.oid = k.confrelid and o.relnamespace = c.relnamespace
        join pg_attribute r on r.attrelid = k.confrelid and r.attnum = k.confkey[1]
        where k.conrelid = c.oid and k.contype = 'f' and k.conkey = array[a.attnum] limit 1),
    'identity', a.attidentity,
    'generated', a.attgenerated <> '',
    'order', (select o.nspname from pg_opclass x join pg_am m on m.oid = x.opcmethod and m.amname = 'btree'
        join pg_amop y on y.amopfamily = x.opcfamily and y.amopstrategy = 5
            and y.amoplefttype = x.opcintype and y.amoprighttype = x.opcintype
        join pg_operator z on z.oid = y.amopopr join pg_namespace o on o.oid = z.oprnamespace
        where x.opcdefault and x.opcintype = b.base limit 1),
    'beyond', case
        when b.base = 'json'::regtype then 'json'
        when b.base = 'jsonb'::regtype then 'jsonb'
        when t.typtype = 'c' or t.typname in ('int2vector', 'oidvector') then 'always'
        when t.typcategory = 'A' and (l.typtype in ('c', 'd') or l.oid in ('json'::regtype, 'jsonb'::regtype)
            or l.oid >= 16384 and j.at is null and exists (select from pg_cast s
                where s.castsource = l.oid and s.casttarget = 'json'::regtype)) then 'always'
        when t.typcategory = 'A' then 'array'
        when t.oid >= 16384 and j.at is null and exists (select from pg_cast s
            where s.castsource = t.oid and s.casttarget = 'json'::regtype) then 'always'
        else '' end,
    'cast', coalesce(j.at, ''),
    'loose', exists (select from pg_collation o where o.oid = a.attcollation and not o.collisdeterministic)
    ) order by a.attnum)
    from pg_attribute a
    join base b on b.oid = a.atttypid
    join pg_type t on t.oid = b.base
    left join pg_type l on l.oid = t.typelem and t.typcategory = 'A'
    left join (select oid, max(at) from somebodys group by oid) j (oid, at) on j.oid = t.oid
    left join pg_attrdef f on f.adrelid = a.attrelid and f.adnum = a.attnum
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped), '[]')
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where {which} and c.relkind in ('r', 'p', 'v', 'm', 'f')
  and (has_table_privilege(c.oid, 'select, insert, update, delete')
    or has_any_column_privilege(c.oid, 'select'))
order by c.relname
"""
_NAMED: Final = """(n.nspname, c.relname) in (
    select (a.each ->> 0)::name, (a.each ->> 1)::name from json_array_elements(%s::json) as a (each))"""
_SCHEMAS: Final = """
select n.nspname from pg_namespace n
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and has_schema_privilege(n.oid, 'usage')
order by n.nspname <> 'public', n.nspname
"""


@dataclass(frozen=True, slots=True)
class PgColumn:
    """A column: what others are told of it, and what only this backend needs.

    ``declared`` is its type as SQL, with its length. ``computed`` is a generated column, ``always`` one that
    numbers itself and takes no number from anybody. What has a ``cast`` never becomes JSON in the server: its
    function is code of whoever made it, and would run with the rights of the user who reads. One in C is a
    superuser's.
    """

    told: Column
    declared: str
    computed: bool
    always: bool
    beyond: Beyond
    cast: Cast
    order: str
    """The schema of the operators that its index and ORDER BY use."""
    loose: bool
    """Whether its collation takes different texts for equal."""

    @property
    def name(self) -> str:
        """Its name."""
        return self.told.name

    @property
    def spells(self) -> bool:
        """Whether two values that are equal may be printed otherwise, as 10.5 and 10.50."""
        return self.loose or not (self.told.type in _ONE_TEXT or self.told.values)


@dataclass(frozen=True, slots=True)
class PgTable:
    """A table as the catalog has it."""

    columns: Sequence[PgColumn]
    kind: str

    @property
    def shape(self) -> Shape:
        """What others are told of it."""
        return Shape(tuple(column.told for column in self.columns), view=self.kind in "vm")

    @property
    def stored(self) -> bool:
        """Whether its rows tell which transaction wrote them."""
        return self.kind in "rp"

    @property
    def named(self) -> Mapping[str, PgColumn]:
        """Its columns by name."""
        return {column.name: column for column in self.columns}


class Tables:
    """The tables of one database, each looked up once; those that are ``expected`` with the first one."""

    def __init__(self, database: Database, expected: Sequence[tuple[str, str]] = ()) -> None:
        self._database = database
        self._expected = list(filter(_is_text, expected))
        self._known: dict[tuple[str, str], PgTable] = {}
        self._lock = Lock()

    def table(self, table: Table) -> PgTable:
        """What the catalog has; SchemaError where the table does not exist, or nothing of it may be seen."""
        with self._lock:
            if table.address not in self._known:
                asked, self._expected = {table.address, *self._expected}, []
                self._known |= self._looked_up(_NAMED, json.dumps(sorted(asked)))
            found = self._known.get(table.address)
        if found is None:
            raise table.schema_error(
                f"{self._database.project} has no table {table.schema}.{table.relation}, or does not show it",
                hint="create it there, or correct its name in tables.yaml",
            )
        return found

    def schema(self, name: str) -> Mapping[str, Shape]:
        """All tables and views of a schema."""
        with self._lock:
            found = self._looked_up("n.nspname = %s", name)
            self._known |= found
        return {relation: each.shape for (_, relation), each in found.items()}

    def schemas(self) -> Sequence[str]:
        """The schemas that the user may look into, ``public`` first."""
        found = self._database.one(Statement(_SCHEMAS, purpose="schema"))
        return [str(row[0].decode()) for row in found.rows if row[0]]

    def _looked_up(self, which: str, value: str) -> dict[tuple[str, str], PgTable]:
        statement = Statement(_COLUMNS.replace("{which}", which), [value], purpose="schema")
        found: dict[tuple[str, str], PgTable] = {}
        for place, name, kind, columns in self._database.one(statement).rows:
            if place and name and kind and columns:
                each = tuple(map(_column, json.loads(columns)))
                found[place.decode(), name.decode()] = PgTable(each, kind.decode())
        return found


def _is_text(address: tuple[str, str]) -> bool:
    """Whether PostgreSQL's JSON can carry it: else the others would be refused along with it."""
    both = "".join(address)
    return "\0" not in both and both.encode(errors="ignore").decode() == both


def _column(told: Mapping[str, Any]) -> PgColumn:
    refers = told["refers"]
    column = Column(
        told["name"],
        type=told["type"],
        nullable=told["nullable"],
        key=told["key"],
        refers=(refers[0], refers[1]) if refers else None,
        default=told["default"],
        values=tuple(told["values"] or ()),
        length=told["length"],
    )
    return PgColumn(
        column,
        declared=told["declared"],
        computed=told["generated"],
        always=told["identity"] == "a",
        beyond=told["beyond"],
        cast=told["cast"],
        order=told["order"] or "pg_catalog",
        loose=told["loose"],
    )
