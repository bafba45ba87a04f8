do $supasync$
declare
    each record;
begin
    for each in
        select g.tgname, n.nspname, c.relname
        from pg_catalog.pg_trigger g
        join pg_catalog.pg_class c on c.oid = g.tgrelid
        join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where not g.tgisinternal and g.tgparentid = 0
            and g.tgfoid in (to_regprocedure('public.supasync_fence()'),
                to_regprocedure('public.supasync_fence_begin()'))
    loop
        execute format('drop trigger %I on %I.%I', each.tgname, each.nspname, each.relname);
    end loop;
    drop function if exists public.supasync_fence();
    drop function if exists public.supasync_fence_begin();
    if not exists (select from public.supasync_changed where kind = 'trigger guard') then
        drop function if exists public.supasync_writes();
    end if;
end
$supasync$;
