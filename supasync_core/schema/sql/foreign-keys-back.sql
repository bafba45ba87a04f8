do $supasync$
declare
    each record;
begin
    for each in
        select changed.*, c.oid as relation, c.relkind, k.oid as existing, k.convalidated,
            changed.was like '% NOT VALID' as never_valid
        from public.supasync_changed changed
        join pg_catalog.pg_namespace n on n.nspname = changed.schema_name
        join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = changed.table_name
        left join pg_catalog.pg_constraint k on k.conrelid = c.oid and k.conname = changed.name
        where changed.kind = 'foreign key'
    loop
        begin
            if each.existing is null then
                -- Nobody writes meanwhile: rows are checked by the next statement, without a long lock.
                execute format('alter table %I.%I add constraint %I %s%s',
                    each.schema_name, each.table_name, each.name, each.was,
                    case when each.never_valid or each.relkind = 'p' then '' else ' not valid' end);
            end if;
        exception when foreign_key_violation then
            continue;  -- a partitioned table takes no constraint that is not valid
        end;
        begin
            if not each.never_valid and each.convalidated is not true then
                execute format('alter table %I.%I validate constraint %I',
                    each.schema_name, each.table_name, each.name);
            end if;
            delete from public.supasync_changed changed
            where changed.kind = 'foreign key' and changed.schema_name = each.schema_name
              and changed.table_name = each.table_name and changed.name = each.name;
        exception when foreign_key_violation then
            null;  -- it stays, not valid, and remembered
        end;
    end loop;
    delete from public.supasync_changed changed
    where changed.kind = 'foreign key'
      and to_regclass(format('%I.%I', changed.schema_name, changed.table_name)) is null;
end
$supasync$;

