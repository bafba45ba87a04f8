-- supasync: disables your own triggers on the tables in tables.yaml in NEW until the switch, so that rows
-- arrive as OLD has them. Foreign keys are checked as before.
--
-- Paste all of it into NEW's SQL editor and run it as the owner of the tables (the editor's postgres is).
-- Running it again changes nothing. To enable the same triggers again: supasync schema sql --triggers on

:changed
do $supasync$
declare
    each record;
begin
    for each in
:triggers_own
            and g.tgfoid is distinct from to_regprocedure('public.supasync_fence()')
    loop
        insert into public.supasync_changed (kind, schema_name, table_name, name, was)
        values ('trigger', each.nspname, each.relname, each.tgname, each.tgenabled::text)
        on conflict (kind, schema_name, table_name, name) do update set was = excluded.was;
        execute format('alter table %I.%I disable trigger %I', each.nspname, each.relname, each.tgname);
    end loop;
end
$supasync$;

:triggers
