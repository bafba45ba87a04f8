-- supasync: foreign keys of the tables in tables.yaml that refer to other tables, such as auth.users, are
-- dropped in NEW until the switch. Foreign keys between tables in tables.yaml stay, except circles of columns
-- that cannot be NULL: there, no row could be first.
--
-- Paste all of it into NEW's SQL editor and run it as the owner of the tables (the editor's postgres is).
-- Running it again changes nothing. To restore them: supasync schema sql --foreign-keys on

:changed
do $supasync$
declare
    each record;
begin
    perform set_config('search_path', '', true);  -- so that definitions name their schemas
    for each in
        with recursive required as (  -- foreign keys between them that no row can do without
            select k.oid, k.conrelid, k.confrelid
            from (:synced) as synced (schema_name, table_name)
            join pg_catalog.pg_namespace n on n.nspname = synced.schema_name
            join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = synced.table_name
            join pg_catalog.pg_constraint k on k.conrelid = c.oid and k.contype = 'f' and k.conparentid = 0
                and k.confrelid <> k.conrelid
            join pg_catalog.pg_class other on other.oid = k.confrelid
            join pg_catalog.pg_namespace place on place.oid = other.relnamespace
            where (place.nspname, other.relname) in (:synced)
                and not exists (select from pg_catalog.pg_attribute a
                    where a.attrelid = k.conrelid and a.attnum = any (k.conkey) and not a.attnotnull)
        ),
        reached (start, at) as (
            select conrelid, confrelid from required
            union
            select r.start, k.confrelid from reached r join required k on k.conrelid = r.at
        )
        select n.nspname, c.relname, k.conname, pg_catalog.pg_get_constraintdef(k.oid) as definition
        from (:synced) as synced (schema_name, table_name)
        join pg_catalog.pg_namespace n on n.nspname = synced.schema_name
        join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = synced.table_name
        join pg_catalog.pg_constraint k on k.conrelid = c.oid and k.contype = 'f' and k.conparentid = 0
        join pg_catalog.pg_class other on other.oid = k.confrelid
        join pg_catalog.pg_namespace place on place.oid = other.relnamespace
        where (place.nspname, other.relname) not in (:synced)
            or exists (select from required r join reached back
                on back.start = r.confrelid and back.at = r.conrelid where r.oid = k.oid)
    loop
        insert into public.supasync_changed (kind, schema_name, table_name, name, was)
        values ('foreign key', each.nspname, each.relname, each.conname, each.definition)
        on conflict (kind, schema_name, table_name, name) do update set was = excluded.was;
        execute format('alter table %I.%I drop constraint %I', each.nspname, each.relname, each.conname);
    end loop;
end
$supasync$;

-- The result: what is dropped until supasync schema sql --foreign-keys on.
select schema_name as schema, table_name as "table", name as foreign_key, was as definition
from public.supasync_changed
where kind = 'foreign key'
order by 1, 2, 3;
