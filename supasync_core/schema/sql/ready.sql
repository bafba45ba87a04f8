
-- For supasync cutover: what must hold in NEW before the app writes to it. For setup, check and sync: what the
-- API does not show of the tables. All of it only reads.
-- tables: [["schema", "table"], ...].
:changed
drop function if exists public.supasync_ready(jsonb);
drop function if exists public.supasync_ready_sequences(jsonb);
drop function if exists public.supasync_ready_structure(jsonb);
drop function if exists public.supasync_ready_orphans(jsonb, jsonb);
create function public.supasync_ready_sequences(tables jsonb) returns table (
    "table" text, "column" text, sequence text, largest_key numeric, next_key numeric, wanted numeric,
    verdict text
)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp  -- temporary tables last
set row_security = off  -- an error, where rows would be hidden from the search for the largest key
as $supasync$
:sequences_body
$supasync$;

-- Sentences on what does not hold, by the name of the check.
create function public.supasync_ready(tables jsonb) returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp  -- temporary tables last
as $supasync$
declare
    changed jsonb := '[]';
    found   jsonb;
begin
    if exists (select from pg_catalog.pg_class c join pg_catalog.pg_roles r on r.oid = c.relowner
        where c.oid = to_regclass('public.supasync_changed')
            and (c.relkind <> 'r' or (r.rolname <> current_user and not r.rolsuper)))
    then  -- a view's query would run with the rights of this function
        raise exception 'public.supasync_changed is not the table of supasync, and was not read'
            using hint = 'drop it in NEW, then run: supasync schema sql, and paste what it prints';
    end if;
    if to_regclass('public.supasync_changed') is not null then
        execute $query$select coalesce(jsonb_agg(to_jsonb(c)), '[]') from only public.supasync_changed c$query$
        into changed;
    end if;
    select jsonb_build_object('sequences', coalesce(jsonb_agg(format(
        '%s.%s: the largest key is %s, and the next of %s is %s: %s',
        s."table", s."column", coalesce(s.largest_key::text, 'no number'), s.sequence, s.next_key, s.verdict)
        order by s."table", s."column"), '[]'))
    into found
    from public.supasync_ready_sequences(tables) s
    where s.verdict <> 'fine';
    select found || jsonb_build_object(
        'identity', coalesce(jsonb_agg(format('%s.%s still accepts OLD''s numbers', c.table_name, c.name)
            order by c.table_name, c.name) filter (where c.kind = 'identity'), '[]'),
        'foreign-keys', coalesce(jsonb_agg(format('%s of %s was dropped', c.name, c.table_name)
            order by c.table_name, c.name) filter (where c.kind = 'foreign key'), '[]'))
    into found
    from jsonb_to_recordset(changed) c (kind text, table_name text, name text);
    return found || jsonb_build_object('triggers', (
        with recursive family (oid) as (
            select c.oid
            from (:synced) as synced (schema_name, table_name)
            join pg_catalog.pg_namespace n on n.nspname = synced.schema_name
            join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = synced.table_name
            union
            select i.inhrelid from family join pg_catalog.pg_inherits i on i.inhparent = family.oid
        )
        select coalesce(jsonb_agg(format('%s on %s is disabled%s', g.tgname, g.tgrelid::regclass,
                case when c.kind is null then ', not by supasync: enable it yourself if it should be' end)
            order by g.tgrelid::regclass::text, g.tgname), '[]')
        from family
        join pg_catalog.pg_trigger g on g.tgrelid = family.oid and not g.tgisinternal and g.tgenabled = 'D'
            and g.tgparentid = 0
        left join jsonb_to_recordset(changed) c (kind text, schema_name text, table_name text, name text)
            on c.kind = 'trigger' and c.name = g.tgname
            and format('%I.%I', c.schema_name, c.table_name)::regclass = g.tgrelid));
end
$supasync$;

-- What the API does not show of the tables, by the name of the part; from the catalog alone.
create function public.supasync_ready_structure(tables jsonb) returns jsonb
language sql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $supasync$
    with recursive family (schema_name, table_name, oid) as (
        select synced.schema_name, synced.table_name, c.oid
        from (:synced) as synced (schema_name, table_name)
        join pg_catalog.pg_namespace n on n.nspname = synced.schema_name
        join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = synced.table_name
        union
        select f.schema_name, f.table_name, i.inhrelid
        from family f join pg_catalog.pg_inherits i on i.inhparent = f.oid
    )
    select jsonb_build_object('references', (
        select coalesce(jsonb_agg(jsonb_build_object(
            'schema', f.schema_name, 'table', f.table_name, 'name', k.conname,
            'parent_schema', place.nspname, 'parent', other.relname,
            'pairs', (
                select jsonb_agg(jsonb_build_array(mine.attname, theirs.attname) order by pair.place)
                from unnest(k.conkey, k.confkey) with ordinality as pair (mine, theirs, place)
                join pg_catalog.pg_attribute mine on mine.attrelid = k.conrelid and mine.attnum = pair.mine
                join pg_catalog.pg_attribute theirs
                    on theirs.attrelid = k.confrelid and theirs.attnum = pair.theirs))
            order by f.schema_name, f.table_name, k.conname), '[]')
        from family f
        join pg_catalog.pg_constraint k on k.conrelid = f.oid and k.contype = 'f' and k.conparentid = 0
        join pg_catalog.pg_class other on other.oid = k.confrelid
        join pg_catalog.pg_namespace place on place.oid = other.relnamespace),
    'triggers', (  -- those that fire for what supasync writes
        select coalesce(jsonb_agg(jsonb_build_object(
            'schema', f.schema_name, 'table', f.table_name, 'name', g.tgname, 'on', g.tgrelid::regclass,
            'function', g.tgfoid::regproc,
            'moment', case when g.tgtype & 64 <> 0 then 'instead of' when g.tgtype & 2 <> 0 then 'before'
                else 'after' end,
            'events', array_remove(array[case when g.tgtype & 4 <> 0 then 'insert' end,
                case when g.tgtype & 16 <> 0 then 'update' end, case when g.tgtype & 8 <> 0 then 'delete' end], null),
            'row', g.tgtype & 1 <> 0) order by f.schema_name, f.table_name, g.tgname), '[]')
        from family f
        join pg_catalog.pg_trigger g on g.tgrelid = f.oid and not g.tgisinternal and g.tgparentid = 0
            and g.tgenabled in ('O', 'A') and g.tgtype & (4 + 8 + 16) <> 0
        where not exists (select from pg_catalog.pg_depend d
            where d.classid = 'pg_catalog.pg_trigger'::regclass and d.objid = g.oid
                and d.refclassid = 'pg_catalog.pg_proc'::regclass
                and d.refobjid = to_regprocedure('public.supasync_writes()'))),
    'accounts', (  -- triggers that act on each new account; read by names, for nobody may look into auth
        select coalesce(jsonb_agg(jsonb_build_object('schema', n.nspname, 'table', c.relname, 'name', g.tgname,
            'function', format('%I.%I', code.nspname, p.proname)) order by g.tgname), '[]')
        from pg_catalog.pg_trigger g
        join pg_catalog.pg_class c on c.oid = g.tgrelid and c.relname = 'users'
        join pg_catalog.pg_namespace n on n.oid = c.relnamespace and n.nspname = 'auth'
        join pg_catalog.pg_proc p on p.oid = g.tgfoid
        join pg_catalog.pg_namespace code on code.oid = p.pronamespace
        where not g.tgisinternal and g.tgenabled in ('O', 'A') and g.tgtype & 4 <> 0
            and not exists (select from pg_catalog.pg_depend d
                where d.classid = 'pg_catalog.pg_trigger'::regclass and d.objid = g.oid
                    and d.refclassid = 'pg_catalog.pg_proc'::regclass
                    and d.refobjid = to_regprocedure('public.supasync_writes()'))),
    'behind_accounts', (  -- keys of tables outside of auth whose rows go or change with an account, or with a row of auth
                          -- that goes with one; hidden: policies keep rows from whoever asks
        with recursive inside (oid) as (
            select c.oid
            from pg_catalog.pg_class c
            join pg_catalog.pg_namespace n on n.oid = c.relnamespace and n.nspname = 'auth'
            where c.relname = 'users'
            union
            select c.oid
            from inside
            join pg_catalog.pg_constraint k on k.confrelid = inside.oid and k.contype = 'f' and k.confdeltype = 'c'
            join pg_catalog.pg_class c on c.oid = k.conrelid
            join pg_catalog.pg_namespace n on n.oid = c.relnamespace and n.nspname = 'auth'
        )
        select coalesce(jsonb_agg(jsonb_build_object(
            'schema', place.nspname, 'table', other.relname, 'parent', parent.relname,
            'column', (
                select mine.attname
                from unnest(k.conkey, k.confkey) as pair (mine, theirs)
                join pg_catalog.pg_attribute mine on mine.attrelid = k.conrelid and mine.attnum = pair.mine
                join pg_catalog.pg_attribute theirs
                    on theirs.attrelid = k.confrelid and theirs.attnum = pair.theirs and theirs.attname = 'id'),
            'hidden', pg_catalog.row_security_active(k.conrelid))
            order by place.nspname, other.relname, k.conname), '[]')
        from inside
        join pg_catalog.pg_class parent on parent.oid = inside.oid
        join pg_catalog.pg_constraint k on k.confrelid = inside.oid and k.contype = 'f' and k.conparentid = 0
            and k.confdeltype in ('c', 'n', 'd')
        join pg_catalog.pg_class other on other.oid = k.conrelid
        join pg_catalog.pg_namespace place on place.oid = other.relnamespace and place.nspname <> 'auth'),
    'callers', (  -- who may call supasync's functions besides the secret key
        select coalesce(jsonb_agg(distinct jsonb_build_object('name', c.name, 'role', c.role)), '[]')
        from (
:callers
        ) c),
    'identity', (  -- columns that take no number from anybody
        select coalesce(jsonb_agg(jsonb_build_object(
            'schema', f.schema_name, 'table', f.table_name, 'column', a.attname) order by f.table_name, a.attnum), '[]')
        from family f
        join pg_catalog.pg_attribute a on a.attrelid = f.oid and a.attidentity = 'a' and not a.attisdropped
        join pg_catalog.pg_class c on c.oid = f.oid and not c.relispartition),
    'computed', (  -- columns that take no value from anybody
        select coalesce(jsonb_agg(jsonb_build_object(
            'schema', f.schema_name, 'table', f.table_name, 'column', a.attname) order by f.table_name, a.attnum), '[]')
        from family f
        join pg_catalog.pg_attribute a on a.attrelid = f.oid and a.attgenerated <> '' and not a.attisdropped
        join pg_catalog.pg_class c on c.oid = f.oid and not c.relispartition),
    'referring', (  -- other tables, whose rows go or change with a row of these that is deleted
        select coalesce(jsonb_agg(jsonb_build_object(
            'schema', place.nspname, 'table', other.relname, 'name', k.conname,
            'parent_schema', f.schema_name, 'parent', f.table_name,
            'pairs', (
                select jsonb_agg(jsonb_build_array(mine.attname, theirs.attname) order by pair.place)
                from unnest(k.conkey, k.confkey) with ordinality as pair (mine, theirs, place)
                join pg_catalog.pg_attribute mine on mine.attrelid = k.conrelid and mine.attnum = pair.mine
                join pg_catalog.pg_attribute theirs
                    on theirs.attrelid = k.confrelid and theirs.attnum = pair.theirs))
            order by place.nspname, other.relname, k.conname), '[]')
        from family f
        join pg_catalog.pg_constraint k on k.confrelid = f.oid and k.contype = 'f' and k.conparentid = 0
            and k.confdeltype in ('c', 'n', 'd')
        join pg_catalog.pg_class other on other.oid = k.conrelid
        join pg_catalog.pg_namespace place on place.oid = other.relnamespace
        where k.conrelid not in (select oid from family)),
    'children', (  -- tables whose rows a table shows too, at any depth
        select coalesce(jsonb_agg(jsonb_build_object(
            'schema', f.schema_name, 'table', f.table_name,
            'child_schema', child_place.nspname, 'child', child.relname,
            'partition', parent.relkind = 'p') order by f.table_name, child.relname), '[]')
        from family f
        join pg_catalog.pg_namespace parent_place on parent_place.nspname = f.schema_name
        join pg_catalog.pg_class parent on parent.relnamespace = parent_place.oid
            and parent.relname = f.table_name
        join pg_catalog.pg_class child on child.oid = f.oid and child.oid <> parent.oid
        join pg_catalog.pg_namespace child_place on child_place.oid = child.relnamespace),
    'uniques', (  -- the columns by which rows can be merged: no part of the rows, no expression, nothing deferred
        select coalesce(jsonb_agg(jsonb_build_object(
            'schema', synced.schema_name, 'table', synced.table_name, 'primary', i.indisprimary,
            'columns', keys.names, 'nullable', keys.nullable) order by synced.table_name, i.indexrelid), '[]')
        from (:synced) as synced (schema_name, table_name)
        join pg_catalog.pg_namespace n on n.nspname = synced.schema_name
        join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = synced.table_name
        join pg_catalog.pg_index i on i.indrelid = c.oid and i.indisunique and i.indimmediate and i.indisvalid
            and i.indpred is null and i.indexprs is null
        cross join lateral (
            select jsonb_agg(a.attname order by key.place), bool_or(not a.attnotnull)
            from unnest(i.indkey::smallint[]) with ordinality as key (attnum, place)
            join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = key.attnum
            where key.place <= i.indnkeyatts) as keys (names, nullable)),
    'modifiers', (  -- types that hold no more digits than these
        select coalesce(jsonb_agg(jsonb_build_object(
            'schema', synced.schema_name, 'table', synced.table_name, 'column', a.attname,
            'type', format_type(a.atttypid, a.atttypmod)) order by synced.table_name, a.attnum), '[]')
        from (:synced) as synced (schema_name, table_name)
        join pg_catalog.pg_namespace n on n.nspname = synced.schema_name
        join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = synced.table_name
        join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
            and a.atttypmod <> -1))
$supasync$;

-- Which of the given values of a foreign key's columns have no row to refer to. reference is
-- {"schema": ..., "table": ..., "name": ...}, given [["value of the first column", ...], ...].
create function public.supasync_ready_orphans(reference jsonb, given jsonb) returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set row_security = off  -- an error, where rows would be hidden from the search
as $supasync$
declare
    key   record;
    same  text;
    lacking jsonb;
begin
    with recursive family (oid) as (
        select c.oid
        from pg_catalog.pg_namespace n
        join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = reference ->> 'table'
        where n.nspname = reference ->> 'schema'
        union
        select i.inhrelid from family f join pg_catalog.pg_inherits i on i.inhparent = f.oid
    )
    select k.*, other.relkind, format('%I.%I', place.nspname, other.relname) as parent into key
    from family f
    join pg_catalog.pg_constraint k on k.conrelid = f.oid and k.contype = 'f' and k.conparentid = 0
    join pg_catalog.pg_class other on other.oid = k.confrelid
    join pg_catalog.pg_namespace place on place.oid = other.relnamespace
    where k.conname = reference ->> 'name'
    limit 1;
    if not found then
        return null;
    end if;
    if exists (
        select from unnest(key.conkey) k (number)
        join pg_catalog.pg_attribute a on a.attrelid = key.conrelid and a.attnum = k.number
        join pg_catalog.pg_type y on y.oid = a.atttypid
        join pg_catalog.pg_roles maker on maker.oid = y.typowner
        where a.atttypid >= 16384 and not (y.typtype = 'b' and y.typelem = 0 and maker.rolsuper))
    then  -- casts, operators and checks of a type that somebody made would run with the rights of this function's
          -- owner; a base type such as citext is made, and can only be made, by a superuser
        return null;
    end if;
    -- By the constraint's own operators; types without their length, so that no value is cut.
    select string_agg(format('p.%I operator(%I.%s) (g.value ->> %s)::%s', theirs.attname, place.nspname, o.oprname,
            pair.place - 1, format_type(mine.atttypid, -1)), ' and ')
    into same
    from unnest(key.conkey, key.confkey, key.conpfeqop) with ordinality as pair (mine, theirs, operator, place)
    join pg_catalog.pg_attribute mine on mine.attrelid = key.conrelid and mine.attnum = pair.mine
    join pg_catalog.pg_attribute theirs on theirs.attrelid = key.confrelid and theirs.attnum = pair.theirs
    join pg_catalog.pg_operator o on o.oid = pair.operator
    join pg_catalog.pg_namespace place on place.oid = o.oprnamespace;
    execute format(
        $query$select coalesce(jsonb_agg(g.value), '[]') from pg_catalog.jsonb_array_elements($1) g (value)
        where not exists (select from %s %s p where %s)$query$,
        case when key.relkind = 'p' then '' else 'only' end, key.parent, same)
    into lacking
    using given;
    return lacking;
end
$supasync$;

:ready_rights

:digest

notify pgrst, 'reload schema';
