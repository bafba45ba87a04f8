-- The result: which tables in tables.yaml refuse late writes.
select
    n.nspname as schema,
    c.relname as "table",
    case when g.oid is null then 'late writes are not refused'
        when g.tgenabled = 'D' then 'off: alter table ... enable trigger supasync_fence'
        else 'late writes are refused' end as state
from (:synced) as synced (schema_name, table_name)
join pg_catalog.pg_namespace n on n.nspname = synced.schema_name
join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = synced.table_name
left join pg_catalog.pg_trigger g on g.tgrelid = c.oid and g.tgname = 'supasync_fence'
order by 1, 2;
