
-- What must hold in NEW before the app writes to it: supasync cutover asks for it. Both only read.
-- tables: [["schema", "table"], ...].
drop function if exists public.supasync_ready(jsonb);
drop function if exists public.supasync_ready_sequences(jsonb);
create function public.supasync_ready_sequences(tables jsonb) returns table (
    "table" text, "column" text, sequence text, largest_key numeric, next_key numeric, wanted numeric,
    verdict text
)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp  -- temporary tables last
set row_security = off  -- an error, where rows would be hidden from the search for the largest key
as $supasync$
:sequences_body
$supasync$;

-- Sentences on what does not hold, by the name of the check.
create function public.supasync_ready(tables jsonb) returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp  -- temporary tables last
as $supasync$
declare
    changed jsonb := '[]';
    found   jsonb;
begin
    if to_regclass('public.supasync_changed') is not null then
        execute $query$select coalesce(jsonb_agg(to_jsonb(c)), '[]') from public.supasync_changed c$query$
        into changed;
    end if;
    select jsonb_build_object('sequences', coalesce(jsonb_agg(format(
        '%s.%s: the largest key is %s, and %s gives %s next: %s',
        s."table", s."column", coalesce(s.largest_key::text, 'no number'), s.sequence, s.next_key, s.verdict)
        order by s."table", s."column"), '[]'))
    into found
    from public.supasync_ready_sequences(tables) s
    where s.verdict <> 'fine';
    select found || jsonb_build_object(
        'identity', coalesce(jsonb_agg(format('%s.%s still takes OLD''s numbers', c.table_name, c.name)
            order by c.table_name, c.name) filter (where c.kind = 'identity'), '[]'),
        'foreign-keys', coalesce(jsonb_agg(format('%s of %s was dropped', c.name, c.table_name)
            order by c.table_name, c.name) filter (where c.kind = 'foreign key'), '[]'))
    into found
    from jsonb_to_recordset(changed) c (kind text, table_name text, name text);
    return found || jsonb_build_object('triggers', (
        with recursive family (oid) as (
            select c.oid
            from (:synced) as synced (schema_name, table_name)
            join pg_catalog.pg_namespace n on n.nspname = synced.schema_name
            join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = synced.table_name
            union
            select i.inhrelid from family join pg_catalog.pg_inherits i on i.inhparent = family.oid
        )
        select coalesce(jsonb_agg(format('%s on %s is off%s', g.tgname, g.tgrelid::regclass,
                case when c.kind is null then ', and not by supasync: turn it on yourself if it should be' end)
            order by g.tgrelid::regclass::text, g.tgname), '[]')
        from family
        join pg_catalog.pg_trigger g on g.tgrelid = family.oid and not g.tgisinternal and g.tgenabled = 'D'
            and g.tgparentid = 0
        left join jsonb_to_recordset(changed) c (kind text, schema_name text, table_name text, name text)
            on c.kind = 'trigger' and c.name = g.tgname
            and format('%I.%I', c.schema_name, c.table_name)::regclass = g.tgrelid));
end
$supasync$;

revoke execute on function public.supasync_ready(jsonb) from public, anon, authenticated;
revoke execute on function public.supasync_ready_sequences(jsonb) from public, anon, authenticated;
grant execute on function public.supasync_ready(jsonb) to service_role;

notify pgrst, 'reload schema';
