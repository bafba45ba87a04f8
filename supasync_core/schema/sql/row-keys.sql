
-- Tables without a key get a column for the key that supasync makes of each row of OLD, until the uninstall
-- script. Rows that are already in NEW have no such key: empty the table first.
do $supasync$
declare
    each record;
begin
    for each in
        select n.nspname, c.relname
        from (:synced) as synced (schema_name, table_name)
        join pg_catalog.pg_namespace n on n.nspname = synced.schema_name
        join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = synced.table_name
        where c.relkind = 'r'
    loop
        execute format('alter table %I.%I add column if not exists supasync_row text unique',
            each.nspname, each.relname);
    end loop;
end
$supasync$;

notify pgrst, 'reload schema';
