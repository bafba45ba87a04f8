-- supasync: removes everything that it added to NEW: what it disabled is enabled again, its functions and
-- tables are dropped. Rights of service_role on your tables stay, because your app may need them.
--
-- Paste all of it into NEW's SQL editor and run it as the owner of the tables (the editor's postgres is).
-- Running it again changes nothing. The cursors and the closed state are removed too: a later sync
-- would start from the beginning. Rows that the older sync scripts wrote to sync_metadata are kept.

:changed
:fence_lifted
:triggers_unguarded
:identity_back
:triggers_back
:foreign_keys_back
do $supasync$
declare
    bare record;
    own constant text[] := array['seq', 'run_id', 'command', 'holder', 'lease_until', 'finished_at', 'requests',
        'bytes', 'save_id', 'details', 'state'];
    kept boolean := false;
    each text;
begin
    if exists (select from public.supasync_changed) then
        raise exception 'the foreign key % is not valid yet: some rows have no counterpart', (
                select format('%s of %s.%s', name, schema_name, table_name)
                from public.supasync_changed order by 1 limit 1)
            using hint = 'copy the rows that it points to (or drop the constraint), then run this again';
    end if;
    for bare in
        select n.nspname, c.relname
        from pg_catalog.pg_attribute a
        join pg_catalog.pg_class c on c.oid = a.attrelid and c.relkind = 'r'
        join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where a.attname = 'supasync_row' and not a.attisdropped and exists (
            select from pg_catalog.pg_index i
            where i.indrelid = c.oid and i.indisunique and i.indnatts = 1 and i.indkey[0] = a.attnum)
    loop
        execute format('alter table %I.%I drop column supasync_row', bare.nspname, bare.relname);
    end loop;
    drop table public.supasync_changed;
    drop table if exists public.supasync_accounts;
    drop function if exists public.supasync_auth_new(jsonb);
    drop table if exists public.supasync_account_marks;
    drop function if exists public.supasync_writes();
    drop function if exists public.supasync_begin(text, text, text, integer, boolean);
    drop function if exists public.supasync_save(uuid, jsonb);
    drop function if exists public.supasync_digest(jsonb);
    drop function if exists public.supasync_ready(jsonb);
    drop function if exists public.supasync_ready_sequences(jsonb);
    drop function if exists public.supasync_ready_structure(jsonb);
    drop function if exists public.supasync_ready_orphans(jsonb, jsonb);
    if to_regclass('public.sync_metadata') is null then
        return;
    end if;
    if exists (select from pg_catalog.pg_attribute
               where attrelid = 'public.sync_metadata'::regclass and attname = 'run_id' and not attisdropped) then
        execute 'select exists (select from public.sync_metadata where run_id is null)' into kept;
        if kept then
            delete from public.sync_metadata where run_id is not null;
            foreach each in array own loop
                execute format('alter table public.sync_metadata drop column if exists %I', each);
            end loop;
        else
            drop table public.sync_metadata;
        end if;
    end if;
end
$supasync$;

notify pgrst, 'reload schema';

-- The result: what is left.
select c.relname as name, 'kept: it holds rows of the older sync scripts' as state
from pg_catalog.pg_class c
where c.relnamespace = 'public'::regnamespace and c.relname in ('sync_metadata', 'supasync_changed');
