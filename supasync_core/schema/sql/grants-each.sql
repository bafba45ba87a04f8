do $supasync$
declare
    each record;
begin
    for each in
        select distinct n.nspname
        from (:synced) as synced (schema_name, table_name)
        join pg_catalog.pg_namespace n on n.nspname = synced.schema_name
    loop
        execute format('grant usage on schema %I to service_role', each.nspname);
    end loop;
    for each in
        select n.nspname, c.relname
        from (:synced) as synced (schema_name, table_name)
        join pg_catalog.pg_namespace n on n.nspname = synced.schema_name
        join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = synced.table_name
