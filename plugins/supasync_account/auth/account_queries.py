"""Every statement about accounts, by name: run in a session of a database, or by a function that was pasted.

``{...}`` stands for what `account_fragments` makes of the columns that both projects have, ``%s`` for values,
and a percent sign is doubled. Each column of an answer has a name of its own.
"""

# ruff: noqa: S608 - names are fragments or quoted, values are parameters

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from supasync_account.auth.account_marks import BETWEEN, MARKS, SUM, sound
from supasync_core.api.function_rights import callers
from supasync_core.model.printable import sql_text

LAST_BAN: Final = "9999-12-31 00:00:00+00"
"""The last end of a ban that Auth can read."""
LARGEST: Final = 32_000_000
"""Bytes of an account that is handed over by itself: an app may let a person write much into the metadata."""
RECORDS: Final = "public.supasync_accounts"
"""NEW's table of what was written last: an id and a mark each."""
_PART: Final = 'pg_catalog.left(m.id::text, 2) collate pg_catalog."C"'
_SUMS: Final = f"select {_PART} as part, {SUM} from ({{}}) m group by 1"
_ACCOUNT: Final = (
    "u.id::text as id, u.email as email, {phone} as phone, {sso} as sso, {mark} as mark, {flaws} as flaws, "
    f"case when u.row_bytes <= {LARGEST} then {{user}}::text end as user_row, "
    "array[{owned}]::text[] as owned"
)
_PAGE: Final = (
    f"select {_ACCOUNT} from (select s.*, "
    "pg_catalog.sum(s.row_bytes) over (order by s.id) - s.row_bytes as bytes_before from ("
    "select v.*, pg_catalog.pg_column_size(row(v.*)) as row_bytes from ("
    "select w.* from auth.users w where @ order by w.id limit %s::integer"
    ") v) s) u where u.bytes_before <= 2000000 order by u.id"
)
"""A page of accounts in the order of their ids, cut off behind 2 MB of rows, but never within the first.

A row made of columns has them unpacked, so these are the bytes that are printed, about. An account that is
larger than any has no rows in the page: one of mere quotes would have eight times as many there.
"""
_STAGED: Final = (
    "pg_catalog.jsonb_array_elements(%s::jsonb) x (rows), "
    "lateral pg_catalog.jsonb_array_elements(x.rows) j (e)"
)
_EQUAL: Final = "operator(pg_catalog.=)"
_GIVE_UP: Final = (
    "update auth.users u set {0} = null from unnest(%s::uuid[], %s::text[]) x (id, {0}) "
    f"where u.id {_EQUAL} x.id and u.{{0}} is not null "
    "and (x.{0} is null or u.{0}::text operator(pg_catalog.<>) x.{0})"
)
_NOTE: Final = (
    f"insert into {RECORDS} as r (id, mark) select u.id, {{}} from auth.users u "
    "where u.id = any(%s::uuid[]) on conflict (id) do update set mark = excluded.mark "
    "returning r.id::text as id, r.mark as mark"
)
_TAKEN: Final = (
    "select j.e->>{at_user_id} as account, d.user_id::text as holder "
    f"from {_STAGED} join auth.{{tab}} d on {{}} where d.user_id <> all(%s::uuid[])"
)


@dataclass(frozen=True, slots=True)
class Query:
    """A statement. ``purpose`` is the ledger's; one that ``answers`` nothing only writes.

    Where one ``fires`` triggers of accounts, whose names are looked up on a path that others may write to,
    its own operators are named with their schema, or compare texts, of which no other type is nearer.
    """

    text: str
    purpose: str = "sql"
    answers: bool = True
    fires: bool = False
    named: int = 1
    """How often its values are named, all of them each time."""

    @property
    def writes(self) -> bool:
        """Whether it is for NEW alone."""
        return self.purpose != "sql"


def _write(text: str, purpose: str = "upsert", *, answers: bool = False, fires: bool = False) -> Query:
    return Query(text, purpose, answers, fires)


COLUMNS: Final = """
select c.relname as tab, a.attname as name, a.attgenerated <> '' or a.attidentity = 'a' as generated
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace and n.nspname = 'auth'
join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relname = any(%s::text[]) order by c.relname, a.attnum
"""
_RIGHTS: Final = """
select t.name as tab, r.what as what,
    pg_catalog.has_table_privilege(pg_catalog.to_regclass(t.name), r.what) as allowed
from pg_catalog.unnest(%s::text[]) t (name), pg_catalog.unnest(%s::text[]) r (what)
where pg_catalog.to_regclass(t.name) is not null
"""
_SEES_ALL: Final = """
select r.rolsuper or r.rolbypassrls or not exists (select from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'auth' and c.relname in ('users', 'identities') and c.relrowsecurity
        and not pg_catalog.pg_has_role(c.relowner, 'USAGE')) as all_rows
from pg_catalog.pg_roles r where r.rolname = current_user
"""
_CALLERS: Final = (
    "select c.name as name, c.role as role from ("
    f"{callers('public.supasync_auth_old(jsonb)', 'public.supasync_auth_new(jsonb)')}) c order by 1, 2"
)
"""Who may call the functions for accounts, beside service_role: nobody should."""
_COUNTS: Final = """
select pg_catalog.count(*) as accounts,
    pg_catalog.count(u.encrypted_password) filter (where u.encrypted_password <> '') as hashes,
    pg_catalog.count(*) filter (where exists (select from auth.identities d
        where d.user_id = u.id and d.provider not in ('email', 'phone'))) as linked
from auth.users u
"""
_TRIGGERS: Final = r"""
select g.tgname as name, c.relname as tab, code.nspname || '.' || p.proname as function,
    g.tgtype & 8 <> 0 as on_delete,
    exists (select from pg_catalog.pg_depend d where d.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass
            and d.objid = g.oid and d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
            and d.refobjid = pg_catalog.to_regprocedure('public.supasync_writes()')
            -- An earlier one does not know a function that the secret key has called.
            and (session_user <> 'authenticator' or exists (select from pg_catalog.pg_proc w
                where w.oid = d.refobjid and pg_catalog.strpos(w.prosrc, 'current_setting(''role''') > 0)))
        or pg_catalog.pg_get_triggerdef(g.oid) ~ $re$ WHEN \(.*current_setting\('supasync\.writes'$re$
        or p.prosrc ~* $re$^\s*begin\s+if\s+(pg_catalog\.)?current_setting\s*\(\s*'supasync\.writes'$re$
        as guarded
from pg_catalog.pg_trigger g
join pg_catalog.pg_class c on c.oid = g.tgrelid and c.relname = any(%s::text[])
join pg_catalog.pg_namespace n on n.oid = c.relnamespace and n.nspname = 'auth'
join pg_catalog.pg_proc p on p.oid = g.tgfoid
join pg_catalog.pg_namespace code on code.oid = p.pronamespace
where not g.tgisinternal and g.tgenabled in ('O', 'A') and g.tgtype & (4 + 8 + 16) <> 0 order by 2, 1
"""
_HOLDERS: Final = """
select u.id::text as id, pg_catalog.lower(u.email) as email, {phone} as phone from auth.users u
where not {sso} and u.email = any(%s::text[])
union select u.id::text, null, {phone} from auth.users u where {phone} = any(%s::text[])
"""
# ts_stat runs the query that it is handed, and counts rows by the one word that each of them makes.
_REFERRERS: Final = r"""
with recursive keys as (
    select parent.relname as parent, n.nspname as home, c.relname as tab, k.conname,
        k.confdeltype = 'c' as cascades,
        pg_catalog.format('%%I.%%I', n.nspname, c.relname) as place,
        pg_catalog.has_table_privilege(k.conrelid, 'SELECT')
            and pg_catalog.has_schema_privilege(n.oid, 'USAGE')
            and not pg_catalog.row_security_active(k.conrelid) as readable,
        (select pg_catalog.string_agg(mine.attname, ', ' order by p.place)
            from unnest(k.conkey) with ordinality p (mine, place)
            join pg_catalog.pg_attribute mine on mine.attrelid = k.conrelid
                and mine.attnum = p.mine) as names,
        (select pg_catalog.array_agg(array[mine.attname::text, theirs.attname::text] order by p.place)
            from unnest(k.conkey, k.confkey) with ordinality p (mine, theirs, place)
            join pg_catalog.pg_attribute mine on mine.attrelid = k.conrelid and mine.attnum = p.mine
            join pg_catalog.pg_attribute theirs on theirs.attrelid = k.confrelid
                and theirs.attnum = p.theirs) as pairs
    from pg_catalog.pg_constraint k
    join pg_catalog.pg_class c on c.oid = k.conrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_class parent on parent.oid = k.confrelid
    join pg_catalog.pg_namespace a on a.oid = parent.relnamespace and a.nspname = 'auth'
    where k.contype = 'f' and k.conparentid = 0
),
paths as (
    select k.home, k.tab, k.conname, k.cascades, k.readable, k.names, array[k.conname] as seen,
        0 as depth,
        pg_catalog.format(' join %%s t0 on ', k.place) || (
            select pg_catalog.string_agg(
                pg_catalog.format('t0.%%I = d.%%I', k.pairs[i][1], k.pairs[i][2]), ' and ')
            from pg_catalog.generate_subscripts(k.pairs, 1) i) as joins
    from keys k where k.parent = '{tab}'
    union all
    select k.home, k.tab, k.conname, k.cascades, p.readable and k.readable, k.names,
        p.seen || k.conname, p.depth + 1,
        p.joins || pg_catalog.format(' join %%s t%%s on ', k.place, p.depth + 1) || (
            select pg_catalog.string_agg(pg_catalog.format('t%%s.%%I = t%%s.%%I',
                p.depth + 1, k.pairs[i][1], p.depth, k.pairs[i][2]), ' and ')
            from pg_catalog.generate_subscripts(k.pairs, 1) i)
    from paths p
    join keys k on p.home = 'auth' and p.cascades and k.parent = p.tab and k.conname <> all(p.seen)
),
leaves as (
    select p.home, p.tab, p.readable, p.names, p.joins,
        pg_catalog.row_number() over (order by p.home, p.tab, p.conname) as at
    from paths p where p.home <> 'auth'
)
select r.account as account,
    pg_catalog.string_agg(
        case when not l.readable then 'rows that this user may not see' when r.number = 1 then '1 row'
            else r.number || ' rows' end || ' of ' || l.home || '.' || l.tab || '.' || l.names,
        ', ' order by l.at) as words
from leaves l
cross join lateral pg_catalog.ts_stat(pg_catalog.format(
    'select pg_catalog.array_to_tsvector(array[d.%%I::text]) from auth.{tab} d%%s '
        'where d.id = any(%%L::uuid[])',
    case '{tab}' when 'users' then 'id' else 'user_id' end, case when l.readable then l.joins else '' end,
    %s::text
)) r (account, number, entries)
group by r.account
"""
_MADE: Final = {
    "make_records": f"create table {RECORDS} (id uuid primary key, mark text not null)",
    "protect_records": f"alter table {RECORDS} enable row level security",
    "keep_records": """do $roles$
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
}
MADE: Final = tuple(_MADE)
"""The statements that make that table, by name."""
READS: Final[Mapping[str, Query]] = {
    "columns": Query(COLUMNS),
    "rights": Query(_RIGHTS),
    "sees_all": Query(_SEES_ALL),
    "callers": Query(_CALLERS),
    "counts": Query(_COUNTS),
    "with_factors": Query("select pg_catalog.count(distinct f.user_id) as accounts from auth.mfa_factors f"),
    "with_passkeys": Query(
        "select pg_catalog.count(distinct p.user_id) as accounts from auth.webauthn_credentials p"
    ),
    "number": Query("select pg_catalog.count(*) as accounts from auth.users"),
    "says_something": Query(
        "select pg_catalog.count(*) as accounts from auth.users u "
        "where coalesce(pg_catalog.to_jsonb(u) ->> %s::text, '') not in ('', 'false')"
    ),
    "sums": Query(_SUMS.format(MARKS), named=2),
    "ids": Query(f"select u.id::text as id from auth.users u where {BETWEEN}"),
    "marks": Query(
        f"select u.id::text as id, {{mark}} as mark from auth.users u where {BETWEEN} "
        "and pg_catalog.left(u.id::text, 2) = any(%s::text[])"
    ),
    "marks_of": Query(
        "select u.id::text as id, {mark} as mark from auth.users u where u.id = any(%s::uuid[])"
    ),
    "contacts": Query(
        "select u.id::text as id, u.email as email, {phone} as phone, (select pg_catalog.string_agg("
        "d.provider || ' ' || d.provider_id, ',' order by d.provider || ' ' || d.provider_id) "
        "from auth.identities d where d.user_id = u.id) as identities "
        "from auth.users u where u.id = any(%s::uuid[])"
    ),
    "accounts": Query(_PAGE.replace("@", "w.id = any(%s::uuid[])")),
    "accounts_between": Query(_PAGE.replace("@", "w.id >= %s::uuid and w.id <= %s::uuid")),
    "flawed": Query(
        "select m.id, m.email, m.flaws from (select u.id::text as id, u.email, {flaws} as flaws "
        f"from auth.users u where {BETWEEN}) m where pg_catalog.cardinality(m.flaws) > 0 order by m.id"
    ),
    "closed": Query(
        "select u.id::text as id, case when {ban} > pg_catalog.now() "
        f"then least({{ban}}, {sql_text(LAST_BAN)})::text end as banned, "
        "{deleted} as deleted from auth.users u where u.id = any(%s::uuid[])"
    ),
}
"""What only reads, in either project."""
NEW_ALONE: Final[Mapping[str, Query]] = {
    "triggers": Query(_TRIGGERS),
    "records": Query(
        "select c.relkind = 'r' and pg_catalog.pg_get_userbyid(c.relowner) = current_user as ours, "
        "pg_catalog.obj_description(c.oid, 'pg_class') as form "
        f"from pg_catalog.pg_class c where c.oid = pg_catalog.to_regclass('{RECORDS}')"
    ),
    "record_sums": Query(_SUMS.format(f"select r.id, r.mark from {RECORDS} r")),
    "record_marks": Query(
        f"select r.id::text as id, r.mark from {RECORDS} r "
        "where pg_catalog.left(r.id::text, 2) = any(%s::text[])"
    ),
    "holders": Query(_HOLDERS),
    "in_capitals": Query(
        "select u.id::text as id, pg_catalog.lower(u.email) as email, null as phone from auth.users u "
        "where not {sso} and u.email <> pg_catalog.lower(u.email)"
    ),
    "taken": Query(_TAKEN.replace("{}", "d.id = (j.e->>{at_id})::uuid")),
    "taken_logins": Query(
        _TAKEN.replace("{}", "(d.provider_id, d.provider) = (j.e->>{at_provider_id}, j.e->>{at_provider})")
    ),
    "lost": Query(
        "select d.id::text as id, d.user_id::text as account from auth.{tab} d "
        "where d.user_id = any(%s::uuid[]) and not exists ("
        f"select from {_STAGED} where (j.e->>{{at_id}})::uuid = d.id)"
    ),
    "referrers": Query(_REFERRERS),
    "locked": _write(
        "select u.id::text as id, {mark} as mark from auth.users u where u.id = any(%s::uuid[]) for update",
        answers=True,
    ),
    "give_up_email": _write(_GIVE_UP.format("email"), fires=True),
    "give_up_phone": _write(_GIVE_UP.format("phone"), fires=True),
    # In an account that is there, what NEW's own mails wait for stays.
    "users": _write(
        "insert into auth.users as t ({names}{tokens}) select {cast_values}{empties} "
        "from pg_catalog.jsonb_array_elements(%s::jsonb) j (e) "
        "on conflict (id) do update set {changes}{kept}",
        fires=True,
    ),
    "lose": _write(f"delete from auth.{{tab}} d where d.id {_EQUAL} any(%s::uuid[])", fires=True),
    "owned": _write(
        f"insert into auth.{{tab}} as t ({{names}}) select {{cast_values}} from {_STAGED} "
        "on conflict (id) do update set {changes} where {mine} operator(pg_catalog.<>) {theirs}",
        fires=True,
    ),
    # Deferred triggers of NEW fire here, so that marks are made of what they leave.
    "settle": _write("set constraints all immediate", fires=True),
    "note": _write(_NOTE.format("{mark}"), answers=True),
    "note_sound": _write(_NOTE.format(sound("{mark}")), answers=True),
    "forget": _write(f"delete from {RECORDS} r where r.id = any(%s::uuid[])", "delete"),
    "ban": _write(
        "update auth.users u set banned_until = x.until from unnest(%s::uuid[], %s::timestamptz[]) "
        f"x (id, until) where u.id {_EQUAL} x.id "
        "and (u.banned_until is null or u.banned_until operator(pg_catalog.<) x.until) "
        "returning u.id::text as id",
        answers=True,
        fires=True,
    ),
    "delete": _write(
        f"delete from auth.users u where u.id {_EQUAL} any(%s::uuid[]) returning u.id::text as id",
        "delete",
        answers=True,
        fires=True,
    ),
    **{name: _write(text) for name, text in _MADE.items()},
    "remark": _write(
        f"update {RECORDS} r set mark = {{mark}} from auth.users u "
        "where u.id = r.id and r.mark = {then_mark} {fresh}"
    ),
    "form": _write(f"comment on table {RECORDS} is {{form}}"),
}
"""What NEW alone is asked, and what is written there."""
QUERIES: Final[Mapping[str, Query]] = {**READS, **NEW_ALONE}
