
-- The secret key (service_role) may read and write the tables in tables.yaml. Tables created since 2026 do not
-- have this right by default. Nothing is granted to anybody else.
:grants_each
        where c.relkind in ('r', 'p', 'v', 'f')
    loop
        execute format('grant select, insert, update, delete on table %I.%I to service_role',
            each.nspname, each.relname);
    end loop;
    -- A default draws the number of a row that is written without one. (Identity columns need no right.)
    for each in
        select distinct sn.nspname, s.relname
        from (:synced) as synced (schema_name, table_name)
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
from (:synced) as synced (schema_name, table_name)
left join pg_catalog.pg_namespace n on n.nspname = synced.schema_name
left join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = synced.table_name
    and c.relkind in ('r', 'p', 'v', 'f')
order by 3 desc, 1, 2;
