do $supasync$
declare
    each record;
begin
    for each in
        select n.nspname, c.relname, a.attname
        from public.supasync_changed changed
        join pg_catalog.pg_namespace n on n.nspname = changed.schema_name
        join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = changed.table_name
        join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attname = changed.name
        where changed.kind = 'identity' and a.attidentity = 'd'
    loop
        execute format('alter table %I.%I alter column %I set generated always',
            each.nspname, each.relname, each.attname);
    end loop;
    delete from public.supasync_changed where kind = 'identity';
end
$supasync$;
