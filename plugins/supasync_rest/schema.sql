-- supasync: what NEW needs to remember how far the sync is.
--
-- Paste all of it into NEW's SQL editor (Dashboard -> SQL Editor) and run it. Running it again changes
-- nothing; a sync_metadata table of the older sync scripts is kept, with its rows, and gets what it lacks.
-- It is not needed in OLD, which is only ever read.

-- One row per run, newest last. The first five columns are for people; the others are supasync's own.
create table if not exists public.sync_metadata (
    created_at           timestamptz not null default now(),
    sync_status          text not null default 'running',
    last_sync_timestamp  timestamptz,            -- OLD's own time up to which it was read
    records_synced       bigint not null default 0,
    error_message        text
);

alter table public.sync_metadata
    add column if not exists seq          bigint generated always as identity,  -- the order of the rows
    add column if not exists run_id       uuid,                -- NULL in rows of the older sync scripts
    add column if not exists command      text,
    add column if not exists holder       text,                -- which installation runs
    add column if not exists lease_until  timestamptz,         -- until then no other installation may run
    add column if not exists finished_at  timestamptz,
    add column if not exists requests     bigint not null default 0,
    add column if not exists bytes        bigint not null default 0,
    add column if not exists save_id      uuid,                -- the last save, to know it when it comes again
    add column if not exists details      jsonb not null default '{}',
    add column if not exists state        jsonb;               -- the cursors, in the newest run's row only

-- A table of the older scripts may be narrower: now any status, bigger counts, times with a zone, and its
-- own numbering usable.
alter table public.sync_metadata
    alter column last_sync_timestamp drop not null,
    alter column error_message drop not null;

do $upgrade$
declare
    old record;
begin
    for old in
        select con.conname
        from pg_catalog.pg_constraint con
        join pg_catalog.pg_attribute att on att.attrelid = con.conrelid and att.attnum = any (con.conkey)
        where con.conrelid = 'public.sync_metadata'::regclass and con.contype = 'c'
          and att.attname = 'sync_status'
    loop
        execute format('alter table public.sync_metadata drop constraint %I', old.conname);
    end loop;
    for old in
        select att.attname, att.atttypid::regtype::text as type
        from pg_catalog.pg_attribute att
        where att.attrelid = 'public.sync_metadata'::regclass and not att.attisdropped
          and (att.attname, att.atttypid) in (
              ('created_at', 'timestamp'::regtype),
              ('last_sync_timestamp', 'timestamp'::regtype),
              ('records_synced', 'integer'::regtype))
    loop
        if old.type = 'integer' then
            execute format('alter table public.sync_metadata alter column %I type bigint', old.attname);
        else
            execute format(
                'alter table public.sync_metadata alter column %1$I type timestamptz using %1$I at time zone ''UTC''',
                old.attname);
        end if;
    end loop;
    for old in
        select dep.objid::regclass as name
        from pg_catalog.pg_depend dep
        join pg_catalog.pg_class seq on seq.oid = dep.objid and seq.relkind = 'S'
        where dep.refobjid = 'public.sync_metadata'::regclass and dep.classid = 'pg_catalog.pg_class'::regclass
    loop
        execute format('revoke all on sequence %s from public, anon, authenticated', old.name);
        execute format('grant usage on sequence %s to service_role', old.name);
    end loop;
end
$upgrade$;

create unique index if not exists sync_metadata_seq on public.sync_metadata (seq);
create unique index if not exists sync_metadata_run_id on public.sync_metadata (run_id);

-- Only the secret key (service_role) may see or change it: no policy, no grants for anybody else.
alter table public.sync_metadata enable row level security;
revoke all on table public.sync_metadata from public, anon, authenticated;
grant select, insert, update, delete on table public.sync_metadata to service_role;

-- Takes the lease for a run, or says why not. Asking again from the same installation takes the lease over,
-- so an answer that was lost on its way does no harm.
create or replace function public.supasync_begin(
    holder         text,
    source_ref     text,
    command        text default 'sync',
    lease_seconds  integer default 600,
    baseline       boolean default false
) returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $function$
declare
    newest  public.sync_metadata;
    moment  timestamptz;
    run     uuid := gen_random_uuid();
begin
    -- One at a time; the lock ends with the transaction. The clock is read after the wait for it.
    perform pg_advisory_xact_lock(hashtextextended('public.sync_metadata', 0));
    moment := clock_timestamp();

    select m.* into newest from public.sync_metadata m where m.run_id is not null order by m.seq desc limit 1;

    if newest.state is not null and newest.state ->> 'source' is distinct from supasync_begin.source_ref then
        return jsonb_build_object('refused', 'source', 'source', newest.state ->> 'source');
    end if;
    if newest.state ->> 'closed' is not null and supasync_begin.command <> 'state reopen' then
        return jsonb_build_object('refused', 'closed', 'at', newest.state ->> 'closed');
    end if;
    if newest.sync_status = 'running' and newest.holder is distinct from supasync_begin.holder
       and newest.lease_until > moment then
        return jsonb_build_object(
            'refused', 'locked', 'holder', newest.holder, 'since', newest.created_at,
            'until', newest.lease_until);
    end if;
    if newest.state is null and not supasync_begin.baseline then
        return jsonb_build_object('refused', 'baseline');
    end if;

    update public.sync_metadata m
    set sync_status = 'interrupted', finished_at = moment, lease_until = null
    where m.run_id = newest.run_id and m.sync_status = 'running';

    insert into public.sync_metadata
        (created_at, sync_status, last_sync_timestamp, records_synced, run_id, command, holder, lease_until, state)
    values (
        moment, 'running', newest.last_sync_timestamp, 0, run, supasync_begin.command, supasync_begin.holder,
        moment + make_interval(secs => supasync_begin.lease_seconds), newest.state);

    return jsonb_build_object('run', run, 'state', newest.state, 'now', moment);
end
$function$;

-- Writes what a run has reached. False where another run has taken over: the caller must stop.
-- The same save sent again answers true again, so an answer that was lost on its way does no harm.
create or replace function public.supasync_save(run uuid, entry jsonb) returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
as $function$
declare
    newest   public.sync_metadata;
    moment   timestamptz;
    given    jsonb := case jsonb_typeof(entry) when 'string' then (entry #>> '{}')::jsonb else entry end;
    running  boolean := given ->> 'sync_status' = 'running';
begin
    perform pg_advisory_xact_lock(hashtextextended('public.sync_metadata', 0));
    moment := clock_timestamp();

    select m.* into newest from public.sync_metadata m where m.run_id is not null order by m.seq desc limit 1;

    if newest.run_id is distinct from supasync_save.run then
        return false;
    end if;
    if newest.sync_status <> 'running' then
        return coalesce(newest.save_id = (given ->> 'save_id')::uuid, false);
    end if;

    update public.sync_metadata m
    set sync_status = given ->> 'sync_status',
        last_sync_timestamp = coalesce((given ->> 'last_sync_timestamp')::timestamptz, m.last_sync_timestamp),
        records_synced = (given ->> 'records_synced')::bigint,
        error_message = given ->> 'error_message',
        requests = (given ->> 'requests')::bigint,
        bytes = (given ->> 'bytes')::bigint,
        save_id = (given ->> 'save_id')::uuid,
        details = given -> 'details',
        state = given -> 'state',
        lease_until = case when running then moment + make_interval(secs => (given ->> 'lease')::integer) end,
        finished_at = case when not running then moment end
    where m.run_id = supasync_save.run;

    if not running then
        update public.sync_metadata m set state = null where m.seq < newest.seq and m.state is not null;
        delete from public.sync_metadata m
        where m.seq < newest.seq and m.run_id is not null
          and m.created_at < moment - make_interval(days => (given ->> 'retention')::integer);
    end if;
    return true;
end
$function$;

revoke execute on function public.supasync_begin(text, text, text, integer, boolean)
    from public, anon, authenticated;
revoke execute on function public.supasync_save(uuid, jsonb) from public, anon, authenticated;
grant execute on function public.supasync_begin(text, text, text, integer, boolean) to service_role;
grant execute on function public.supasync_save(uuid, jsonb) to service_role;

-- Lets the REST interface see the new table and functions at once.
notify pgrst, 'reload schema';
