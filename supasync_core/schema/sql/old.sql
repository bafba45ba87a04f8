-- supasync: what OLD may have. The secret key (service_role) may read the tables in tables.yaml, and call two
-- functions that only read: one computes digests for supasync verify, the other makes idle runs cheap. All of it
-- is optional. Paste all of it into OLD's SQL editor and run it. Running it again changes nothing.
-- To remove the functions: supasync schema sql --old --uninstall
:grants_each
        where c.relkind in ('r', 'p', 'v', 'f', 'm')
    loop
        execute format('grant select on table %I.%I to service_role', each.nspname, each.relname);
    end loop;
end
$supasync$;

:digest

:horizon_function

notify pgrst, 'reload schema';

-- The result: what service_role may do now.
select
    synced.schema_name as schema,
    synced.table_name as "table",
    case
        when c.oid is null then 'no such table'
        when has_table_privilege('service_role', c.oid, 'select') then 'granted'
        else 'not granted: run this as the owner of the table'
    end as service_role
from (:synced) as synced (schema_name, table_name)
left join pg_catalog.pg_namespace n on n.nspname = synced.schema_name
left join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = synced.table_name
    and c.relkind in ('r', 'p', 'v', 'f', 'm')
order by 3 desc, 1, 2;
