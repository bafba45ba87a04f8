-- supasync: your own triggers on the tables in tables.yaml no longer fire for what supasync writes to NEW, so
-- that rows arrive as OLD has them. For everybody else, including your app, they fire as before, so they may
-- stay guarded during the switch. Foreign keys are checked as before.
--
-- Paste all of it into NEW's SQL editor and run it as the owner of the tables (the editor's postgres is).
-- Running it again guards new triggers. Triggers that supasync schema sql --triggers off disabled are enabled
-- again. To restore every definition: supasync schema sql --triggers unguard

:changed
:triggers_back
:triggers_writes
:triggers_become
do $supasync$
declare
    each        record;
    definition  text;
    head        text;
    tail        text;
begin
    perform set_config('search_path', '', true);  -- so that definitions name their schemas
    for each in
:triggers_own
            and g.tgtype & (4 + 8 + 16) <> 0  -- insert, delete, update: nothing else is ever written
            and not exists (select from pg_catalog.pg_depend d
                where d.classid = 'pg_catalog.pg_trigger'::regclass and d.objid = g.oid
                    and d.refclassid = 'pg_catalog.pg_proc'::regclass
                    and d.refobjid = 'public.supasync_writes()'::regprocedure)
    loop
        definition := pg_catalog.pg_get_triggerdef(each.oid);
        -- Up to the condition or the function; a quoted name may contain any words.
        head := substring(definition from '^(?:[^"]|"(?:[^"]|"")*")*? FOR EACH (?:ROW|STATEMENT) ');
        tail := substr(definition, length(head) + 1);
        if tail like 'WHEN (%' then
            tail := 'WHEN ((not public.supasync_writes()) and ' || substr(tail, length('WHEN (') + 1);
        elsif tail like 'EXECUTE %' then
            tail := 'WHEN (not public.supasync_writes()) ' || tail;
        else
            raise exception 'the trigger % on %.% cannot be read', each.tgname, each.nspname, each.relname;
        end if;
        insert into public.supasync_changed (kind, schema_name, table_name, name, was)
        values ('trigger guard', each.nspname, each.relname, each.tgname, definition)
        on conflict (kind, schema_name, table_name, name) do update set was = excluded.was;
        perform pg_temp.supasync_become(each.oid, head || tail);
    end loop;
end
$supasync$;

:triggers
