-- The result: every identity column of the tables in tables.yaml.
select
    n.nspname as schema,
    c.relname as "table",
    a.attname as "column",
    case a.attidentity when 'a' then 'always: accepts no number from OLD' else 'by default' end as generated
from (:synced) as synced (schema_name, table_name)
join pg_catalog.pg_namespace n on n.nspname = synced.schema_name
join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = synced.table_name
join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attidentity <> '' and not a.attisdropped
where c.relkind in ('r', 'p')
order by 1, 2, 3;
