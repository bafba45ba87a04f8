-- supasync: NEW itself refuses writes of a run that another run has taken over from, however late they arrive:
-- from a machine that was asleep, or a process that was killed.
--
-- Paste all of it into NEW's SQL editor and run it as the owner of the tables (the editor's postgres is), after
-- what supasync schema sql prints. Running it again adds new tables. Nothing changes for anybody else,
-- including your app. To remove it: supasync schema sql --fence off

:own_tables
do $supasync$
begin
    if to_regclass('public.sync_metadata') is null then
        raise exception 'NEW has no sync_metadata yet' using hint = 'first paste what supasync schema sql prints';
    end if;
end
$supasync$;

:triggers_writes
-- Refuses a statement whose run does not hold the lease. Writes share the lock, and a run that takes the
-- lease waits for it: so every accepted write ends before the next run begins.
create or replace function public.supasync_fence() returns trigger
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp  -- temporary tables last
as $function$
declare
    run     text := current_setting('request.headers', true)::json ->> 'x-supasync-run';
    newest  record;
begin
    if run is null then  -- an older supasync
        return null;
    end if;
    perform pg_advisory_xact_lock_shared(hashtextextended('public.sync_metadata: writes', 0));
    select m.run_id, m.sync_status into newest
    from public.sync_metadata m where m.run_id is not null order by m.seq desc limit 1;
    if newest.run_id::text is distinct from run or newest.sync_status <> 'running' then
        raise exception 'supasync: another run has taken over the lease' using errcode = 'SUP01';
    end if;
    return null;
end
$function$;

-- A run begins when all writes that were accepted before have ended.
create or replace function public.supasync_fence_begin() returns trigger
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform pg_advisory_xact_lock(hashtextextended('public.sync_metadata: writes', 0));
    return null;
end
$function$;
:fence_rights
drop trigger if exists supasync_fence_begin on public.sync_metadata;
create trigger supasync_fence_begin before insert on public.sync_metadata
    for each statement execute function public.supasync_fence_begin();

do $supasync$
declare
    each record;
begin
    for each in
        select n.nspname, c.relname
        from (:synced) as synced (schema_name, table_name)
        join pg_catalog.pg_namespace n on n.nspname = synced.schema_name
        join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = synced.table_name
        where c.relkind in ('r', 'p') and not exists (select from pg_catalog.pg_trigger g
            where g.tgrelid = c.oid and g.tgname = 'supasync_fence')
    loop
        execute format('create trigger supasync_fence before insert or update or delete on %I.%I '
            'for each statement when (public.supasync_writes()) execute function public.supasync_fence()',
            each.nspname, each.relname);
    end loop;
end
$supasync$;

:fence
