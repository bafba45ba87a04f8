"""The parts of queries that depend on the columns that both projects have, made by the server itself.

They are made where they are used, by one statement: in a session of a database, and in the functions that a
person pastes. There a name of a column enters SQL as PostgreSQL quotes it, and only if the table has it.
"""

from collections.abc import Sequence
from typing import Final

from supasync_account.auth.account_flaws import FLAWS
from supasync_core.model.printable import sql_text
from supasync_core.model.sql_template import with_parts

TOKENS: Final = (
    "confirmation_token",
    "recovery_token",
    "email_change_token_new",
    "email_change",
    "email_change_token_current",
    "phone_change",
    "phone_change_token",
    "reauthentication_token",
)
"""Columns in which a NULL keeps its account from signing in, and every list of accounts from being shown."""
PENDING: Final = (
    *TOKENS,
    "email_change_confirm_status",
    "confirmation_sent_at",
    "recovery_sent_at",
    "email_change_sent_at",
    "phone_change_sent_at",
    "reauthentication_sent_at",
    "last_challenged_at",
    "last_webauthn_challenge_data",
)
"""Columns of links in mails and of challenges that only OLD can answer: they are never read."""
_FRAGMENTS: Final = """
with input as (select :asked as asked),
wanted as (
    select t.place as table_at, t.value ->> 0 as tab, t.value -> 1 as compared, t.value -> 2 as dates
    from input i, pg_catalog.jsonb_array_elements(i.asked -> 'columns') with ordinality t (value, place)
    where t.value ->> 0 in (:tables)
),
cells as (
    select w.table_at, w.tab, x.compared, x.name, pg_catalog.quote_ident(x.name) as quoted,
        case w.tab when 'users' then 'u.' else 'd.' end || pg_catalog.quote_ident(x.name) as place,
        pg_catalog.format_type(a.atttypid, null) as kind,
        pg_catalog.row_number() over (partition by w.tab order by x.compared desc, x.place) - 1 as at
    from wanted w
    cross join lateral (
        select true, c.value, c.place
        from pg_catalog.jsonb_array_elements_text(w.compared) with ordinality c (value, place)
        union all select false, c.value, c.place
        from pg_catalog.jsonb_array_elements_text(w.dates) with ordinality c (value, place)
    ) x (compared, name, place)
    left join pg_catalog.pg_attribute a on a.attrelid = pg_catalog.to_regclass('auth.' || w.tab)
        and a.attname = x.name and a.attnum > 0 and not a.attisdropped
    where x.name not in (:pending)
),
lists as (
    select w.table_at, w.tab,
        'ROW(' || coalesce(pg_catalog.string_agg(c.place, ', ' order by c.at)
            filter (where c.compared), '') || ')::text' as line,
        'pg_catalog.json_build_array(' || pg_catalog.string_agg(c.place || '::text', ', ' order by c.at)
            || ')' as texts,
        pg_catalog.string_agg(c.quoted, ', ' order by c.at) as names,
        pg_catalog.string_agg('(j.e operator(pg_catalog.->>) ' || c.at || ')::' || c.kind, ', ' order by c.at)
            as cast_values,
        pg_catalog.string_agg(c.quoted || ' = excluded.' || c.quoted, ', ' order by c.at)
            filter (where c.name <> 'id' and (c.compared or c.name = 'updated_at')) as changes,
        'ROW(' || coalesce(pg_catalog.string_agg('t.' || c.quoted, ', ' order by c.at)
            filter (where c.compared and c.name <> 'id'), '') || ')::text' as mine,
        'ROW(' || coalesce(pg_catalog.string_agg('excluded.' || c.quoted, ', ' order by c.at)
            filter (where c.compared and c.name <> 'id'), '') || ')::text' as theirs,
        pg_catalog.max(c.at) filter (where c.name = 'id')::text as at_id,
        pg_catalog.max(c.at) filter (where c.name = 'user_id')::text as at_user_id,
        pg_catalog.max(c.at) filter (where c.name = 'provider')::text as at_provider,
        pg_catalog.max(c.at) filter (where c.name = 'provider_id')::text as at_provider_id
    from wanted w left join cells c on c.tab = w.tab group by w.table_at, w.tab
),
tokens as (
    select
        coalesce(pg_catalog.string_agg(', ' || a.attname, '' order by a.attnum), '') as names,
        coalesce(pg_catalog.string_agg(', ''''', '' order by a.attnum), '') as empties,
        coalesce(pg_catalog.string_agg(
            ', ' || a.attname || ' = coalesce(t.' || a.attname || ', '''')', ''
            order by a.attnum), '') as kept
    from pg_catalog.pg_attribute a
    where a.attrelid = pg_catalog.to_regclass('auth.users') and a.attnum > 0 and not a.attisdropped
        and a.attgenerated = '' and a.attname in (:tokens)
),
flaws (place, name, needs, condition, refused) as (values
    :flaws
),
judged as (
    select f.* from flaws f where not exists (
        select from pg_catalog.unnest(f.needs) n (name)
        where n.name not in (
            select c.name from cells c where c.tab = 'users' union all select w.tab from wanted w))
)
select pg_catalog.json_build_object(
    'lacking', (select pg_catalog.min('auth.' || c.tab || ' has no column '
        || pg_catalog.to_json(pg_catalog.left(c.name, 100))::text) from cells c where c.kind is null),
    'mark', 'pg_catalog.md5(' || (
        select pg_catalog.string_agg(case l.tab
            when 'users' then l.line
            else 'coalesce((select pg_catalog.md5(pg_catalog.string_agg(' || l.line
                || ', '','' order by d.id)) from auth.' || l.tab
                || ' d where d.user_id = u.id), '''')'
            end, ' || ' order by l.table_at) from lists l) || ')',
    'owned_marks', (
        select pg_catalog.string_agg('select d.user_id, ' || l.table_at
            || ' as place, pg_catalog.md5(pg_catalog.string_agg(' || l.line
            || ', '','' order by d.id)) as mark from auth.' || l.tab
            || ' d group by d.user_id', ' union all ')
        from lists l where l.tab <> 'users'),
    'owned_mark', (
        select pg_catalog.string_agg('coalesce(pg_catalog.max(o.mark) filter (where o.place = '
            || l.table_at || '), '''')', ' || ' order by l.table_at)
        from lists l where l.tab <> 'users'),
    'user', (select l.texts from lists l where l.tab = 'users'),
    'owned', (
        select coalesce(pg_catalog.string_agg('coalesce((select pg_catalog.json_agg('
            || l.texts || ') from auth.' || l.tab
            || ' d where d.user_id = u.id)::text, ''[]'')', ', ' order by l.table_at), '')
        from lists l where l.tab <> 'users'),
    'flaws', 'pg_catalog.array_remove(array[' || (
        select coalesce(pg_catalog.string_agg(
            'case when ' || j.condition || ' then ''' || j.name || ''' end, ', '' order by j.place), '')
        from judged j) || 'null]::text[], null)',
    'harmful', (
        select coalesce(pg_catalog.string_agg(j.condition, ' or ' order by j.place), 'false')
        from judged j where j.refused),
    'phone', case when exists (select from cells c where c.tab = 'users' and c.name = 'phone')
        then 'u.phone' else 'null::text' end,
    'sso', case when exists (select from cells c where c.tab = 'users' and c.name = 'is_sso_user')
        then 'u.is_sso_user' else 'false' end,
    'ban', case when exists (select from cells c where c.tab = 'users' and c.name = 'banned_until')
        then 'u.banned_until' else 'null::timestamptz' end,
    'deleted', case when exists (select from cells c where c.tab = 'users' and c.name = 'deleted_at')
        then 'u.deleted_at is not null' else 'false' end,
    'tokens', (select t.names from tokens t),
    'empties', (select t.empties from tokens t),
    'kept', (select t.kept from tokens t),
    'fresh', (
        select coalesce(pg_catalog.string_agg('and not exists (select from auth.' || l.tab
            || ' d where d.user_id = u.id)', ' '), '')
        from lists l, input i where l.tab <> 'users' and not exists (
            select from pg_catalog.jsonb_array_elements(i.asked -> 'then' -> 'columns') t (value)
            where t.value ->> 0 = l.tab)),
    'form', pg_catalog.quote_literal((select i.asked ->> 'form' from input i)),
    'tables', (select pg_catalog.json_object_agg(l.tab, pg_catalog.to_json(l)) from lists l)
)
"""


def fragments(asked: str, tables: Sequence[str]) -> str:
    """SQL for the fragments as one JSON object; ``asked`` is SQL for the columns, ``tables`` are admitted."""
    parts = {
        "flaws": ",\n    ".join(_flaw(*each) for each in enumerate(FLAWS)),
        "tables": _texts(tables),
        "pending": _texts(PENDING),
        "tokens": _texts(TOKENS),
        "asked": asked,
    }
    return with_parts(_FRAGMENTS, parts)


def _flaw(place: int, name: str) -> str:
    flaw = FLAWS[name]
    condition, refused = sql_text(flaw.condition), str(flaw.refused).lower()
    return f"({place}, {sql_text(name)}, array[{_texts(flaw.needs)}], {condition}, {refused})"


def _texts(names: Sequence[str]) -> str:
    return ", ".join(map(sql_text, names))
