"""What a PostgreSQL's catalog says of tables and no API shows, asked for over an SQL session; it only reads.

Definitions are those that PostgreSQL prints, with every name in its schema: equal ones are equal texts.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from supasync_core.api.backend import Reference
from supasync_core.api.sql_session import SqlSession
from supasync_core.model.row_key import ROW_KEY

STILL_HIDDEN: Final = ("rights of other roles than anon and authenticated", "what domains check")
"""What is not looked at even so."""
_OURS: Final = "supasync_"
"""How the names of columns and triggers begin that supasync's own SQL makes."""
_QUERY: Final = """
with recursive tables as (
    select c.oid, n.nspname, c.relname, c.relrowsecurity, c.relforcerowsecurity, c.relacl
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = any (%s::text[]) and c.relkind in ('r', 'p') and not c.relispartition
), columns as (
    select t.nspname, t.relname, a.attname, a.attidentity, a.attgenerated, a.atttypid, a.atttypmod,
        pg_get_expr(d.adbin, d.adrelid) as expression
    from tables t join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
), parts (schema_name, table_name, name, oid, modifier) as (
    select nspname, relname, attname::text, atttypid, atttypmod from columns
    union all
    select p.schema_name, p.table_name, p.name || step.way, step.oid, step.modifier
    from parts p join pg_type t on t.oid = p.oid
    cross join lateral (
        select '', t.typbasetype, case t.typtypmod when -1 then p.modifier else t.typtypmod end
        where t.typtype = 'd'
        union all
        select E'\\x1f[]', t.typelem, p.modifier
        where t.typtype = 'b' and t.typcategory = 'A' and t.typelem <> 0
        union all
        select E'\\x1f.' || a.attname, a.atttypid, a.atttypmod from pg_attribute a
        where t.typtype = 'c' and a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
        union all
        select E'\\x1f..', r.rngsubtype, -1 from pg_range r where r.rngtypid = t.oid
    ) step (way, oid, modifier)
), facts (schema_name, table_name, kind, name, definition) as (
    select nspname, relname, 'type', attname::text, format_type(atttypid, atttypmod) from columns
    union all
    select p.schema_name, p.table_name, 'part', p.name, format_type(p.oid, p.modifier)
    from parts p join pg_type t on t.oid = p.oid
    where t.typtype not in ('d', 'c') and (t.typcategory <> 'A' or t.typelem = 0)
    union all
    select nspname, relname, 'identity', attname,
        case attidentity when 'a' then 'always' else 'by default' end from columns where attidentity <> ''
    union all
    select nspname, relname, case attgenerated when '' then 'default' else 'generated' end, attname,
        expression
    from columns where expression is not null
    union all
    select t.nspname, t.relname, case k.contype when 'f' then 'foreign key' else 'constraint' end,
        k.conname, pg_get_constraintdef(k.oid)
    from tables t join pg_constraint k on k.conrelid = t.oid and k.contype in ('u', 'c', 'x', 'f')
    union all
    select t.nspname, t.relname, 'index', i.relname, case when x.indisunique then 'unique ' else '' end
        || substring(pg_get_indexdef(i.oid) from ' USING (.*)$')
    from tables t join pg_index x on x.indrelid = t.oid and x.indisvalid
    join pg_class i on i.oid = x.indexrelid
    where not exists (select from pg_constraint k where k.conindid = i.oid and k.contype in ('p', 'u', 'x'))
    union all
    select t.nspname, t.relname, 'trigger', g.tgname,
        pg_get_triggerdef(g.oid) || case g.tgenabled when 'D' then ' (disabled)' else '' end
    from tables t join pg_trigger g on g.tgrelid = t.oid and not g.tgisinternal
    union all
    select t.nspname, t.relname, 'policy', p.polname, concat_ws(' ',
        case when p.polpermissive then 'permissive' else 'restrictive' end,
        case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update'
            when 'd' then 'delete' else 'all' end,
        'to ' || (select string_agg(case r.oid when 0 then 'public' else pg_get_userbyid(r.oid) end, ', '
            order by pg_get_userbyid(r.oid)) from unnest(p.polroles) r (oid)),
        'using (' || pg_get_expr(p.polqual, p.polrelid) || ')',
        'with check (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')')
    from tables t join pg_policy p on p.polrelid = t.oid
    union all
    select nspname, relname, 'row level security', '',
        case when relforcerowsecurity and relrowsecurity then 'forced' else 'on' end
    from tables where relrowsecurity
    union all
    select t.nspname, t.relname, 'rights', r.rolname, string_agg(lower(e.privilege_type), ', '
        order by e.privilege_type)
    from tables t cross join aclexplode(t.relacl) e join pg_roles r on r.oid = e.grantee
    where r.rolname in ('anon', 'authenticated') group by 1, 2, 4
)
select schema_name::text, table_name::text, kind, name::text, definition from facts order by 1, 2, 3, 4
"""
_REFERENCES: Final = """
select n.nspname::text, c.relname::text, k.conname::text, place.nspname::text, other.relname::text,
    (select json_agg(json_build_array(mine.attname, theirs.attname) order by pair.place)::text
        from unnest(k.conkey, k.confkey) with ordinality as pair (mine, theirs, place)
        join pg_attribute mine on mine.attrelid = k.conrelid and mine.attnum = pair.mine
        join pg_attribute theirs on theirs.attrelid = k.confrelid and theirs.attnum = pair.theirs)
from pg_constraint k
join pg_class c on c.oid = k.conrelid and not c.relispartition join pg_namespace n on n.oid = c.relnamespace
join pg_class other on other.oid = k.confrelid join pg_namespace place on place.oid = other.relnamespace
where k.contype = 'f' and n.nspname = any (%s::text[]) order by 1, 2, 3
"""


@dataclass(frozen=True, slots=True)
class TableFacts:
    """What the catalog says of one table: by kind, definitions by the name of what they define.

    Kinds: ``type identity default generated part foreign key constraint index trigger policy row level
    security rights``. The name is a column's for the first four, one of `supasync_core.schema.type_parts` for
    parts and a role's for rights.
    """

    by_kind: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def of(self, kind: str) -> Mapping[str, str]:
        """The definitions of one kind."""
        return self.by_kind.get(kind, {})


def catalog_of(session: SqlSession, schemas: Sequence[str]) -> Mapping[tuple[str, str], TableFacts]:
    """All tables of the schemas by schema and name, without what supasync itself has made in them."""
    found: dict[tuple[str, str], dict[str, dict[str, str]]] = defaultdict(lambda: defaultdict(dict))
    for schema, table, kind, name, definition in session.query(_QUERY, [list(schemas)], purpose="schema"):
        if not (name.startswith(_OURS) or f"({ROW_KEY})" in definition):
            found[schema, table][kind][name] = definition
    return {place: TableFacts(facts) for place, facts in found.items()}


def references_in(session: SqlSession, schemas: Sequence[str]) -> list[Reference]:
    """All foreign keys of the tables in these schemas, to tables of any schema."""
    return [
        Reference(name, (schema, table), (parent_schema, parent), tuple((a, b) for a, b in json.loads(pairs)))
        for schema, table, name, parent_schema, parent, pairs in session.query(
            _REFERENCES, [list(schemas)], purpose="schema"
        )
    ]
