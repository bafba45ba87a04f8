do $supasync$
declare
    each record;
begin
    for each in
        select n.nspname, c.relname, g.tgname, case changed.was when 'A' then 'always ' else '' end as always
        from public.supasync_changed changed
        join pg_catalog.pg_namespace n on n.nspname = changed.schema_name
        join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = changed.table_name
        join pg_catalog.pg_trigger g on g.tgrelid = c.oid and g.tgname = changed.name
        where changed.kind = 'trigger' and g.tgenabled = 'D'
    loop
        execute format('alter table %I.%I enable %strigger %I',
            each.nspname, each.relname, each.always, each.tgname);
    end loop;
    delete from public.supasync_changed where kind = 'trigger';
end
$supasync$;
