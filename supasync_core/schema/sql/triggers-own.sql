        with recursive family (oid) as (
            select c.oid
            from (:synced) as synced (schema_name, table_name)
            join pg_catalog.pg_namespace n on n.nspname = synced.schema_name
            join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = synced.table_name
            where c.relkind in ('r', 'p')
            union
            select i.inhrelid from family join pg_catalog.pg_inherits i on i.inhparent = family.oid
        )
        select n.nspname, c.relname, g.tgname, g.tgenabled, g.oid
        from family
        join pg_catalog.pg_class c on c.oid = family.oid
        join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        join pg_catalog.pg_trigger g on g.tgrelid = c.oid
        where not g.tgisinternal and g.tgparentid = 0 and g.tgenabled in ('O', 'A')
