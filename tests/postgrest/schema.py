"""The schema cache: tables, columns, keys and functions, read from the catalogue in one go."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

TABLES = """
select c.oid, n.nspname, c.relname, c.relkind, obj_description(c.oid, 'pg_class'),
       coalesce((select array_agg(a.attname::text order by k.place) from pg_index i
                 cross join unnest(i.indkey) with ordinality k(attnum, place)
                 join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum
                 where i.indrelid = c.oid and i.indisprimary), '{}'),
       c.relkind in ('r', 'p', 'f') or pg_relation_is_updatable(c.oid, true) & 28 = 28,
       r.ev_action::text
from pg_class c join pg_namespace n on n.oid = c.relnamespace
left join pg_rewrite r on r.ev_class = c.oid and c.relkind in ('v', 'm') and r.ev_type = '1'
where n.nspname = any($1) and c.relkind in ('r', 'p', 'v', 'm', 'f') order by n.nspname, c.relname
"""
COLUMNS = """
select a.attrelid, a.attname, a.attnum, format_type(a.atttypid, a.atttypmod),
       format_type(case when t.typtype = 'd' then t.typbasetype else a.atttypid end, null),
       case when a.atttypmod > 4 and a.atttypid in (1042, 1043) then a.atttypmod - 4
            when a.atttypid in (1560, 1562) and a.atttypmod > 0 then a.atttypmod end,
       not a.attnotnull,
       case when a.attidentity = 'd' then
              format('nextval(%L)', pg_get_serial_sequence(format('%I.%I', n.nspname, c.relname), a.attname))
            when a.attgenerated = '' and a.attidentity = '' then pg_get_expr(d.adbin, d.adrelid) end,
       col_description(a.attrelid, a.attnum),
       coalesce((select array_agg(e.enumlabel::text order by e.enumsortorder) from pg_enum e
                 where e.enumtypid = t.oid), '{}'),
       a.attidentity <> ''
from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
join pg_type t on t.oid = a.atttypid
left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
where n.nspname = any($1) and c.relkind in ('r', 'p', 'v', 'm', 'f') and a.attnum > 0 and not a.attisdropped
order by a.attrelid, a.attnum
"""
FOREIGN_KEYS = """
select k.conrelid, a.attname, f.relname, b.attname from pg_constraint k
join pg_namespace n on n.oid = k.connamespace join pg_class f on f.oid = k.confrelid
join pg_namespace fn on fn.oid = f.relnamespace
join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
join pg_attribute b on b.attrelid = k.confrelid and b.attnum = k.confkey[1]
where k.contype = 'f' and n.nspname = any($1) and fn.nspname = n.nspname
  and cardinality(k.conkey) = 1
"""
FUNCTIONS = """
select n.nspname, p.proname, coalesce(p.proargnames, '{}'), coalesce(p.proargmodes::text[], '{}'),
       coalesce((select array_agg(format_type(u.t, null) order by u.i)
                 from unnest(p.proargtypes) with ordinality u(t, i)), '{}'),
       p.pronargdefaults, p.proretset, t.typtype, format_type(p.prorettype, null), p.provolatile,
       coalesce(p.proconfig, '{}'), obj_description(p.oid, 'pg_proc')
from pg_proc p join pg_namespace n on n.oid = p.pronamespace join pg_type t on t.oid = p.prorettype
where n.nspname = any($1) and p.prokind = 'f' and p.prorettype not in (2279, 3838)
"""
ROLE_SETTINGS = """
select r.rolname, unnest(s.setconfig) from pg_db_role_setting s join pg_roles r on r.oid = s.setrole
where s.setdatabase = 0 and not r.rolcanlogin
"""
VIEW_COLUMN = re.compile(
    r":resno (\d+) :resname (?!<>)\S+ :ressortgroupref \d+"
    r" :resorigtbl (\d+) :resorigcol (\d+) :resjunk false"
)


@dataclass(frozen=True)
class Column:
    """One column; `nominal` keeps its length, `base` is what a domain stands on."""

    name: str
    number: int
    nominal: str
    base: str
    max_length: int | None
    nullable: bool
    default: str | None
    description: str | None
    enum: tuple[str, ...]
    is_identity: bool


@dataclass
class Table:
    """A table or view with its columns, primary key and single-column foreign keys."""

    oid: int
    schema: str
    name: str
    kind: str
    description: str | None
    key: tuple[str, ...]
    writable: bool
    columns: dict[str, Column] = field(default_factory=dict)
    foreign: dict[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Argument:
    """One input of a function."""

    name: str
    type: str
    required: bool


@dataclass(frozen=True)
class Function:
    """One overload of a function."""

    schema: str
    name: str
    arguments: tuple[Argument, ...]
    returns_set: bool
    returns_rows: bool
    returns: str
    volatility: str
    settings: tuple[tuple[str, str], ...]
    description: str | None

    @property
    def is_volatile(self) -> bool:
        """Tell whether a POST may write."""
        return self.volatility == "v"


@dataclass
class Schema:
    """What the server knows about the database."""

    tables: dict[tuple[str, str], Table]
    functions: dict[tuple[str, str], list[Function]]
    role_settings: dict[str, list[tuple[str, str]]]

    def similar_table(self, schema: str, name: str) -> str | None:
        """Return the hint for a table that is not there."""
        known = [table for where, table in self.tables if where == schema]
        close = difflib.get_close_matches(name, known, 1, 0.75)
        return f"Perhaps you meant the table '{schema}.{close[0]}'" if close else None


def load(connection: psycopg.Connection[Any], schemas: tuple[str, ...]) -> Schema:
    """Read everything again."""
    wanted = [list(schemas)]
    by_oid, actions = load_tables(connection, wanted)
    load_view_keys(by_oid, actions)
    functions: dict[tuple[str, str], list[Function]] = {}
    for row in connection.execute(FUNCTIONS, wanted):
        functions.setdefault((row[0], row[1]), []).append(function(row))
    settings: dict[str, list[tuple[str, str]]] = {}
    for role, text in connection.execute(ROLE_SETTINGS):
        settings.setdefault(role, []).append(setting(text))
    tables = {(table.schema, table.name): table for table in by_oid.values()}
    return Schema(tables, functions, settings)


def load_tables(
    connection: psycopg.Connection[Any], wanted: list[list[str]]
) -> tuple[dict[int, Table], dict[int, str]]:
    """Read tables with columns and foreign keys, and the definitions of views."""
    by_oid: dict[int, Table] = {}
    actions: dict[int, str] = {}
    for oid, schema, name, kind, description, key, writable, action in connection.execute(TABLES, wanted):
        by_oid[oid] = Table(oid, schema, name, kind, description, tuple(key), writable)
        if action:
            actions[oid] = action
    for oid, *values in connection.execute(COLUMNS, wanted):
        values[8] = tuple(values[8])
        if oid in by_oid:  # else it was made since the tables were read, and is announced again
            by_oid[oid].columns[values[0]] = Column(*values)
    for oid, column, table, other in connection.execute(FOREIGN_KEYS, wanted):
        if oid in by_oid:
            by_oid[oid].foreign[column] = (table, other)
    return by_oid, actions


def load_view_keys(by_oid: dict[int, Table], actions: dict[int, str]) -> None:
    """Give views the keys of the columns that they pass on."""
    for oid, action in actions.items():
        view = by_oid[oid]
        numbers = {column.number: column.name for column in view.columns.values()}
        sources: dict[str, tuple[int, int]] = {}
        for number, table, column in VIEW_COLUMN.findall(action):
            if int(number) in numbers:  # the outermost list comes last and wins
                sources[numbers[int(number)]] = (int(table), int(column))
        pass_keys_on(view, sources, by_oid)


def pass_keys_on(view: Table, sources: dict[str, tuple[int, int]], by_oid: dict[int, Table]) -> None:
    """Mark the columns of one view."""
    keys = []
    for name, (oid, number) in sources.items():
        table = by_oid.get(oid)
        origin = next((c.name for c in table.columns.values() if c.number == number), None) if table else None
        if table and origin in table.key:
            keys.append(name)
        if table and origin in table.foreign:
            view.foreign[name] = table.foreign[origin]
    view.key = tuple(keys)


def setting(text: str) -> tuple[str, str]:
    """Split `name=value`."""
    name, _, value = text.partition("=")
    return name, value


def function(row: tuple[Any, ...]) -> Function:
    """Build one overload from its catalogue row."""
    schema, name, names, modes, types, defaults, is_set, kind, returns, volatility, settings, comment = row
    inputs = [i for i, mode in enumerate(modes) if mode in {"i", "b", "v"}] if modes else range(len(types))
    arguments = tuple(
        Argument(names[i] if i < len(names) else "", type_, place < len(types) - defaults)
        for place, (i, type_) in enumerate(zip(inputs, types, strict=True))
    )
    returns_rows = kind == "c" or (returns == "record" and bool(modes))
    pairs = tuple(setting(text) for text in settings)
    return Function(schema, name, arguments, is_set, returns_rows, returns, volatility, pairs, comment)
