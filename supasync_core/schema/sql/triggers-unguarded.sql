:triggers_become
do $supasync$
declare
    each record;
begin
    perform set_config('search_path', '', true);
    for each in
        select g.oid, g.tgname, g.tgrelid::regclass as relation, changed.was
        from pg_catalog.pg_depend d
        join pg_catalog.pg_trigger g on g.oid = d.objid and g.tgparentid = 0
        join pg_catalog.pg_class c on c.oid = g.tgrelid
        join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        left join public.supasync_changed changed on changed.kind = 'trigger guard'
            and changed.schema_name = n.nspname and changed.table_name = c.relname and changed.name = g.tgname
        where d.classid = 'pg_catalog.pg_trigger'::regclass and d.refclassid = 'pg_catalog.pg_proc'::regclass
            and d.refobjid = to_regprocedure('public.supasync_writes()')
            and g.tgfoid is distinct from to_regprocedure('public.supasync_fence()')
    loop
        if each.was is null then
            raise exception 'the trigger % on % is guarded and was renamed since: its original definition is unknown',
                each.tgname, each.relation
                using hint = 'recreate it without supasync_writes() in its WHEN clause, then run this again';
        end if;
        perform pg_temp.supasync_become(each.oid, each.was);
    end loop;
    delete from public.supasync_changed where kind = 'trigger guard';
end
$supasync$;
