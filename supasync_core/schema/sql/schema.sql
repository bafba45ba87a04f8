-- supasync: what NEW needs to keep the state of the sync.
--
-- Paste all of it into NEW's SQL editor (Dashboard -> SQL Editor) and run it. Running it again changes
-- nothing; a sync_metadata table of the older sync scripts keeps its rows and gets what it lacks.
-- OLD does not need it: supasync only reads OLD.

:own_tables
-- Another table of this name is an app's own, and stays as it is.
do $another$
begin
    if to_regclass('public.sync_metadata') is not null and (
        select count(*) from pg_catalog.pg_attribute att
        where att.attrelid = to_regclass('public.sync_metadata') and not att.attisdropped
          and att.attname in ('sync_status', 'last_sync_timestamp', 'records_synced')) < 2
    then
        raise exception 'public.sync_metadata is another table than supasync''s, and was not changed'
            using hint = 'supasync needs this name in NEW: rename that table, or take another project for NEW';
    end if;
end
$another$;

-- One row per run, newest last. The first five columns are for people; the others are supasync's own.
create table if not exists public.sync_metadata (
    created_at           timestamptz not null default now(),
    sync_status          text not null default 'running',
    last_sync_timestamp  timestamptz,            -- OLD's own time, up to which its rows were read
    records_synced       bigint not null default 0,
    error_message        text
);

alter table public.sync_metadata
    add column if not exists created_at           timestamptz not null default now(),
    add column if not exists sync_status          text not null default 'running',
    add column if not exists last_sync_timestamp  timestamptz,
    add column if not exists records_synced       bigint not null default 0,
    add column if not exists error_message        text,
    add column if not exists seq          bigint generated always as identity,  -- the order of the rows
    add column if not exists run_id       uuid,                -- NULL in rows of the older sync scripts
    add column if not exists command      text,
    add column if not exists holder       text,                -- which installation runs
    add column if not exists lease_until  timestamptz,         -- until then no other installation may run
    add column if not exists finished_at  timestamptz,
    add column if not exists requests     bigint not null default 0,
    add column if not exists bytes        bigint not null default 0,
    add column if not exists save_id      uuid,                -- the last save, to recognize it when it is repeated
    add column if not exists details      jsonb not null default '{}',
    add column if not exists state        jsonb;               -- the cursors, in the newest run's row only

-- A table of the older scripts may be narrower. This allows any status, larger counts and times with a zone,
-- requires no value that only those scripts set, and continues numbers behind the largest one, even where
-- rows were restored.
do $upgrade$
declare
    own    constant text[] := array['created_at', 'sync_status', 'last_sync_timestamp', 'records_synced',
        'error_message'];
    wanted constant text[] := array['timestamptz', 'text', 'timestamptz', 'bigint', 'text'];
    usual  constant text[] := array['now()', '''running''', null, '0', null];
    old record;
    at  integer;
    top bigint;
begin
    for old in
        select con.conname
        from pg_catalog.pg_constraint con
        where con.conrelid = 'public.sync_metadata'::regclass and con.contype = 'c'
          and exists (
              select from pg_catalog.pg_attribute att
              where att.attrelid = con.conrelid and att.attnum = any (con.conkey) and att.attname = any (own))
    loop
        execute format('alter table public.sync_metadata drop constraint %I', old.conname);
    end loop;
    for old in
        select att.attname, att.atttypid::regtype as type
        from pg_catalog.pg_attribute att
        where att.attrelid = 'public.sync_metadata'::regclass and att.attname = any (own)
    loop
        at := array_position(own, old.attname::text);
        if usual[at] is null then
            execute format('alter table public.sync_metadata alter column %I drop not null', old.attname);
        end if;
        if old.type = wanted[at]::regtype then
            continue;
        end if;
        execute format('alter table public.sync_metadata alter column %I drop default', old.attname);
        execute format(
            'alter table public.sync_metadata alter column %1$I type %2$s using (%1$I%3$s)::%2$s',
            old.attname, wanted[at],
            case when old.type in ('timestamp'::regtype, 'date'::regtype)
                then '::timestamp at time zone ''UTC''' end);
        if usual[at] is not null then
            execute format(
                'alter table public.sync_metadata alter column %I set default %s', old.attname, usual[at]);
        end if;
    end loop;
    update public.sync_metadata set created_at = coalesce(last_sync_timestamp, now()) where created_at is null;
    update public.sync_metadata set records_synced = 0 where records_synced is null;
    for old in
        select att.attname, att.atttypid::regtype as type,
            exists (
                select from pg_catalog.pg_index i
                where i.indrelid = att.attrelid and i.indisprimary and att.attnum = any (i.indkey)) as key
        from pg_catalog.pg_attribute att
        where att.attrelid = 'public.sync_metadata'::regclass and att.attnum > 0 and not att.attisdropped
          and att.attnotnull and not att.atthasdef and att.attidentity = ''
    loop
        if not old.key then
            execute format('alter table public.sync_metadata alter column %I drop not null', old.attname);
        elsif old.type in ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype) then
            execute format(
                'alter table public.sync_metadata alter column %I add generated by default as identity',
                old.attname);
        elsif old.type in ('uuid'::regtype, 'text'::regtype, 'character varying'::regtype) then
            execute format(
                'alter table public.sync_metadata alter column %I set default gen_random_uuid()', old.attname);
        end if;
    end loop;
    for old in
        select att.attname, dep.objid::regclass as name
        from pg_catalog.pg_depend dep
        join pg_catalog.pg_class seq on seq.oid = dep.objid and seq.relkind = 'S'
        join pg_catalog.pg_attribute att on att.attrelid = dep.refobjid and att.attnum = dep.refobjsubid
        where dep.refobjid = 'public.sync_metadata'::regclass and dep.classid = 'pg_catalog.pg_class'::regclass
    loop
        execute format('revoke all on sequence %s from public, anon, authenticated', old.name);
        execute format('grant usage on sequence %s to service_role', old.name);
        execute format('select max(%I) from public.sync_metadata', old.attname) into top;
        perform setval(old.name, greatest(top, nextval(old.name)));
    end loop;
end
$upgrade$;

create unique index if not exists sync_metadata_seq on public.sync_metadata (seq);
create unique index if not exists sync_metadata_run_id on public.sync_metadata (run_id);

-- Only the secret key (service_role) may see or change it: no policy, no grants for anybody else.
alter table public.sync_metadata enable row level security;
revoke all on table public.sync_metadata from public, anon, authenticated;
grant select, insert, update, delete on table public.sync_metadata to service_role;

-- Where accounts are copied by the secret keys alone: digests of what was written last, no value of an account.
create table if not exists public.supasync_account_marks (
    id        uuid primary key,
    old_mark  text not null,                -- of what OLD showed
    new_mark  text not null                 -- of what NEW showed then; empty while the account is written
);
alter table public.supasync_account_marks enable row level security;
revoke all on table public.supasync_account_marks from public, anon, authenticated;
grant select, insert, update, delete on table public.supasync_account_marks to service_role;

-- Takes the lease for a run, or says why not. A repeated call from the same installation takes the lease over,
-- so a lost answer does no harm.
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
    place   bigint;
begin
    -- One call at a time; the lock ends with the transaction. The clock is read after waiting for it.
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

    -- The largest number, even where the table was restored without its sequence.
    select greatest(nextval(pg_get_serial_sequence('public.sync_metadata', 'seq')), coalesce(max(m.seq), 0) + 1)
    into place from public.sync_metadata m;

    insert into public.sync_metadata
        (seq, created_at, sync_status, last_sync_timestamp, records_synced, run_id, command, holder, lease_until,
         state)
    overriding system value
    values (
        place, moment, 'running', newest.last_sync_timestamp, 0, run, supasync_begin.command, supasync_begin.holder,
        moment + make_interval(secs => supasync_begin.lease_seconds), newest.state);

    return jsonb_build_object('run', run, 'state', newest.state, 'now', moment, 'version', 2);
end
$function$;

-- Saves the state of a run. Returns false where another run has taken over: the caller must stop.
-- A repeated save returns true again, so a lost answer does no harm.
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

:state_rights

-- Makes the REST interface see the new table and functions at once.
notify pgrst, 'reload schema';
