-- The result: all of your own triggers on the tables in tables.yaml.
select
    n.nspname as schema,
    c.relname as "table",
    g.tgname as trigger,
    case when g.tgenabled <> 'D' and guarded.name is not null then 'on, but not for what supasync writes'
        when g.tgenabled <> 'D' then 'on'
        when changed.name is null then 'off, not by supasync: it stays off'
        else 'off until supasync schema sql --triggers on' end as state
from (:synced) as synced (schema_name, table_name)
join pg_catalog.pg_namespace n on n.nspname = synced.schema_name
join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = synced.table_name
join pg_catalog.pg_trigger g on g.tgrelid = c.oid and not g.tgisinternal
    and g.tgfoid is distinct from to_regprocedure('public.supasync_fence()')
left join public.supasync_changed changed on changed.kind = 'trigger' and changed.schema_name = n.nspname
    and changed.table_name = c.relname and changed.name = g.tgname
left join public.supasync_changed guarded on guarded.kind = 'trigger guard' and guarded.schema_name = n.nspname
    and guarded.table_name = c.relname and guarded.name = g.tgname
where c.relkind in ('r', 'p')
order by 1, 2, 3;
