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
        where dep.refobjid = 'public.sync_metadata'::regclass and dep.classid = 'pg_class'::regclass
    loop
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
set search_path = ''
set row_security = off  -- an error, where rows would be hidden from the search for the largest key
as $supasync$
declare
    each record;
begin
    for each in
        select distinct c.oid::regclass::text as relation, a.attname, s.oid::regclass::text as sequence,
            p.seqincrement, p.seqmin, p.seqmax,
            coalesce(nullif(y.typbasetype, 0), y.oid) in (
                'smallint'::regtype, 'integer'::regtype, 'bigint'::regtype, 'numeric'::regtype) as numbers
        from (select t.value ->> 0, t.value ->> 1 from pg_catalog.jsonb_array_elements(case jsonb_typeof(tables) when 'string' then (tables #>> '{}')::jsonb else tables end) t) as synced (schema_name, table_name)
        join pg_catalog.pg_namespace n on n.nspname = synced.schema_name
        join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = synced.table_name
        join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        join pg_catalog.pg_type y on y.oid = a.atttypid
        cross join lateral (
            select d.objid  -- the column's own: serial and identity
            from pg_catalog.pg_depend d
            where d.classid = 'pg_catalog.pg_class'::regclass and d.refclassid = 'pg_catalog.pg_class'::regclass
              and d.refobjid = c.oid and d.refobjsubid = a.attnum and d.deptype in ('a', 'i')
            union
            select d.refobjid  -- a default that draws from any sequence
            from pg_catalog.pg_attrdef f
            join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_attrdef'::regclass and d.objid = f.oid
                and d.refclassid = 'pg_catalog.pg_class'::regclass
            where f.adrelid = c.oid and f.adnum = a.attnum
        ) as used (oid)
        join pg_catalog.pg_class s on s.oid = used.oid and s.relkind = 'S'
        join pg_catalog.pg_sequence p on p.seqrelid = s.oid
        where c.relkind in ('r', 'p')
    loop
        "table" := each.relation;
        "column" := each.attname;
        sequence := each.sequence;
        largest_key := null;
        wanted := null;
        execute format('select last_value::numeric + case when is_called then %s else 0 end from %s',
            each.seqincrement, each.sequence) into next_key;
        if each.numbers then
            execute format('select %s(%I) from %s', case when each.seqincrement > 0 then 'max' else 'min' end,
                each.attname, each.relation) into largest_key;
        end if;
        if (largest_key - next_key) * sign(each.seqincrement) >= 0 then
            wanted := next_key + each.seqincrement * (div(largest_key - next_key, each.seqincrement) + 1);
        end if;
        verdict := case
            when not each.numbers then 'no number: compare it yourself'
            when not coalesce(wanted, next_key) between each.seqmin and each.seqmax
                then 'has no room beyond the largest key: make the sequence larger'
            when wanted is not null then 'behind'
            else 'fine' end;
        return next;
    end loop;
end

$supasync$;

-- Sentences on what does not hold, by the name of the check.
create function public.supasync_ready(tables jsonb) returns jsonb
language plpgsql
stable
security definer
set search_path = ''
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
            from (select t.value ->> 0, t.value ->> 1 from pg_catalog.jsonb_array_elements(case jsonb_typeof(tables) when 'string' then (tables #>> '{}')::jsonb else tables end) t) as synced (schema_name, table_name)
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

-- The secret key (service_role) may read and write the tables of tables.yaml. Tables made since 2026 are not
-- granted by themselves. Nothing is granted to anybody else.
do $supasync$
declare
    each record;
begin
    for each in
        select distinct n.nspname
        from (values ('public', 'users'), ('public', 'jobs'), ('public', 'logs'), ('public', 'plans'), ('public', 'notes')) as synced (schema_name, table_name)
        join pg_catalog.pg_namespace n on n.nspname = synced.schema_name
    loop
        execute format('grant usage on schema %I to service_role', each.nspname);
    end loop;
    for each in
        select n.nspname, c.relname
        from (values ('public', 'users'), ('public', 'jobs'), ('public', 'logs'), ('public', 'plans'), ('public', 'notes')) as synced (schema_name, table_name)
        join pg_catalog.pg_namespace n on n.nspname = synced.schema_name
        join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = synced.table_name
        where c.relkind in ('r', 'p', 'v', 'f')
    loop
        execute format('grant select, insert, update, delete on table %I.%I to service_role',
            each.nspname, each.relname);
    end loop;
    -- Where a row is written without its number, a default draws it. (Identity columns need no right.)
    for each in
        select distinct sn.nspname, s.relname
        from (values ('public', 'users'), ('public', 'jobs'), ('public', 'logs'), ('public', 'plans'), ('public', 'notes')) as synced (schema_name, table_name)
        join pg_catalog.pg_namespace n on n.nspname = synced.schema_name
        join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = synced.table_name
        join pg_catalog.pg_attrdef f on f.adrelid = c.oid
        join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_attrdef'::regclass and d.objid = f.oid
            and d.refclassid = 'pg_catalog.pg_class'::regclass
        join pg_catalog.pg_class s on s.oid = d.refobjid and s.relkind = 'S'
        join pg_catalog.pg_namespace sn on sn.oid = s.relnamespace
    loop
        execute format('grant usage on sequence %I.%I to service_role', each.nspname, each.relname);
    end loop;
end
$supasync$;

notify pgrst, 'reload schema';

-- The result: what service_role may do now.
select
    synced.schema_name as schema,
    synced.table_name as "table",
    case
        when c.oid is null then 'no such table: create it, then run this again'
        when has_table_privilege('service_role', c.oid, 'select')
            and has_table_privilege('service_role', c.oid, 'insert')
            and has_table_privilege('service_role', c.oid, 'update')
            and has_table_privilege('service_role', c.oid, 'delete') then 'granted'
        else 'not granted: run this as the owner of the table'
    end as service_role
from (values ('public', 'users'), ('public', 'jobs'), ('public', 'logs'), ('public', 'plans'), ('public', 'notes')) as synced (schema_name, table_name)
left join pg_catalog.pg_namespace n on n.nspname = synced.schema_name
left join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = synced.table_name
    and c.relkind in ('r', 'p', 'v', 'f')
order by 3 desc, 1, 2;
