do $supasync$
begin
    if not pg_has_role(current_user, 'pg_read_all_stats', 'usage') then
        raise exception '% may not see what other sessions do, so the function would not be reliable', current_user
            using hint = 'run this as a role that has pg_monitor, as the postgres of the SQL editor has';
    end if;
end
$supasync$;

-- tables: [["schema", "table", ["column", ...]], ...]. For each one it returns the exact number of rows, the largest
-- value of each column as text, a digest that changes with any insert, update or delete, and the columns with
-- which no index begins; null for what is not a table or what service_role may not read. The horizon: every row that a transaction stamped with now()
-- up to then is either committed, and visible to any later read, or gone.
create or replace function public.supasync_horizon(tables jsonb default '[]') returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp  -- temporary tables last
set row_security = off
as $function$
declare
    moment    constant timestamptz := clock_timestamp();  -- before the look at the sessions
    oldest    record;
    asked     jsonb;
    relation  regclass;
    largest   text;
    told      jsonb;
    answers   jsonb := '[]';
begin
    if not pg_has_role(current_user, 'pg_read_all_stats', 'usage') then
        raise exception 'the owner of supasync_horizon, %, has lost pg_monitor', current_user;
    end if;
    if current_setting('track_activities') <> 'on' or pg_is_in_recovery()
       or exists (select from pg_catalog.pg_prepared_xacts where database = current_database()) then
        raise exception 'no horizon: this server does not show every transaction';
    end if;

    -- Vacuum stamps no rows; every other transaction of this database may.
    select a.pid, a.state, a.application_name, a.xact_start into oldest
    from pg_catalog.pg_stat_activity a
    where a.datname = current_database() and a.pid <> pg_backend_pid() and a.xact_start is not null
      and a.backend_type <> 'autovacuum worker'
    order by a.xact_start limit 1;

    for asked in select t.value from jsonb_array_elements(tables) t loop
        told := null;
        begin
            select c.oid into relation
            from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
            where n.nspname = asked ->> 0 and c.relname = asked ->> 1 and c.relkind in ('r', 'p')
              and has_table_privilege('service_role', c.oid, 'select');
            -- Casts and operators of a type that somebody made would run with the rights of this function's owner.
            if found and exists (
                select from pg_catalog.pg_attribute a
                join pg_catalog.pg_type y on y.oid = a.atttypid
                where a.attrelid = relation and coalesce(nullif(y.typbasetype, 0), y.oid) >= 16384
                  and a.attname in (select c.value from jsonb_array_elements_text(asked -> 2) c)) then
                told := null;
            elsif found then
                select coalesce(string_agg(format('%L, to_jsonb(max(t.%I)) #>> ''{}''', c.value, c.value), ', '), '')
                into largest
                from jsonb_array_elements_text(asked -> 2) c;
                -- xmin is the transaction that wrote a row: any change sets a new one.
                execute format($query$
                    select jsonb_build_object('rows', count(*), 'newest', jsonb_build_object(%s), 'version',
                        md5(concat_ws(' ', count(*), sum(hashtextextended(t.xmin::text, 0)::numeric),
                            %L::oid, (select string_agg(a.attname || ' ' || a.atttypid, ',' order by a.attnum)
                             from pg_catalog.pg_attribute a
                             where a.attrelid = %L::oid and a.attnum > 0 and not a.attisdropped))))
                    from %s t$query$, largest, relation::oid, relation::oid, relation) into told;
                told := told || jsonb_build_object('unindexed', (
                    select coalesce(jsonb_agg(c.value), '[]') from jsonb_array_elements_text(asked -> 2) c
                    where not exists (
                        select from pg_catalog.pg_index i
                        join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
                        where i.indrelid = relation and i.indisvalid and a.attname = c.value)));
            end if;
        exception when others then
            told := null;  -- a column that is not there, or has no largest value: it is read as ever
        end;
        answers := answers || jsonb_build_array(told);
    end loop;

    return jsonb_build_object(
        'now', moment,
        'horizon', least(moment, oldest.xact_start) - interval '1 second',
        'held', case when oldest.pid is not null then jsonb_build_object('pid', oldest.pid,
            'state', oldest.state, 'application', oldest.application_name, 'since', oldest.xact_start) end,
        'database_bytes', pg_database_size(current_database()),
        'tables', answers);
end
$function$;

:horizon_rights
