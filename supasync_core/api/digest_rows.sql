-- The statement that answers what is asked of one table's rows; NULL where there is no such table. Each name in it
-- comes from the catalog, each value as a literal. OFFSET keeps a row's text from being made twice; as a constant of
-- its own type it does not keep PostgreSQL from several workers.
with recursive asked as (select :asked as a),
-- Types with a cast to json that somebody wrote, and what is made of them: the cast never runs.
casting (id) as (
    select s.castsource from pg_catalog.pg_cast s
    join pg_catalog.pg_proc p on p.oid = s.castfunc join pg_catalog.pg_language l on l.oid = p.prolang
    where s.casttarget = 'json'::regtype and s.castsource >= 16384 and l.lanname not in ('c', 'internal')
    union
    select whole.id from casting join (
        select t.oid, t.typelem from pg_catalog.pg_type t union all
        select t.oid, t.typbasetype from pg_catalog.pg_type t union all
        select c.reltype, att.atttypid from pg_catalog.pg_attribute att
        join pg_catalog.pg_class c on c.oid = att.attrelid where att.attnum > 0
    ) whole (id, part) on whole.part = casting.id
),
relation as (
    select c.oid, format('%I.%I', n.nspname, c.relname) as name
    from asked
    join pg_catalog.pg_namespace n on n.nspname = a ->> 'schema'
    join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = a ->> 'table' and c.relkind in ('r', 'p')
),
columns as (
    select string_agg(format('t.%I', att.attname), ', ' order by att.attname::text collate "C") as list,
        jsonb_agg(att.attname order by att.attname::text collate "C") as names,
        string_agg(format(case a ->> 'method'
            when 'md5' then 'case when t.%1$I is not null then md5(row(t.%1$I)::text) end'
            else 'case when t.%1$I is not null then hashtextextended(row(t.%1$I)::text collate "C", 0)::text end'
            end, att.attname), ', ' order by att.attname::text collate "C") as cells
    from asked, relation
    join pg_catalog.pg_attribute att on att.attrelid = relation.oid and att.attnum > 0 and not att.attisdropped
    where not coalesce(a -> 'without' ? att.attname::text, false)
),
parts_of_key as (
    -- No collation decides an order: texts are ordered by their bytes.
    select k.place, format('t.%I', att.attname) as plain,
        format(case when exists (select from casting where id = att.atttypid)
            then 'case when num_nulls(t.%1$I) = 0 then format(''%%s'', t.%1$I) end'
            else 'to_jsonb(t.%1$I) #>> ''{}''' end, att.attname) as shown,
        format(case
            when plain then 't.%I'
            when att.atttypid in ('text'::regtype, 'varchar'::regtype) then 't.%I::text collate "C"'
            else 'format(''%%s'', t.%I) collate "C"' end, att.attname) as ordered,
        case when plain then format('%%L::%s', format_type(att.atttypid, null)) else '%L::text collate "C"' end as bound
    from asked, relation
    cross join jsonb_array_elements_text(a -> 'key') with ordinality k (name, place)
    join pg_catalog.pg_attribute att on att.attrelid = relation.oid and att.attname = k.name and not att.attisdropped
    cross join lateral (select att.atttypid = any ('{int2,int4,int8,numeric,uuid,bool,date,timestamp}'::regtype[]))
        known (plain)
),
key as (
    select string_agg(plain, ', ' order by place) as plain, string_agg(shown, ', ' order by place) as shown,
        string_agg(ordered, ', ' order by place) as ordered,
        string_agg(format(bound, a -> 'after' ->> place::int - 1), ', ' order by place) as after,
        string_agg(format(bound, a -> 'to' ->> place::int - 1), ', ' order by place) as upto,
        (select string_agg(each.bounds, ', ') from (
            select format('(%s)', string_agg(format(bound, given.value ->> place::int - 1), ', ' order by place))
            from jsonb_array_elements(a -> 'keys') given, parts_of_key group by given.value) each (bounds)) as wanted
    from asked, parts_of_key
    group by a
),
pieces as (
    select a, relation.oid as relid, relation.name, columns.*, key.plain, key.shown, key.ordered,
        case a ->> 'method'
            when 'md5' then format('(''x'' || substr(md5(row(%s)::text), 1, 16))::bit(64)::bigint', key.plain)
            else format('hashtextextended(row(%s)::text collate "C", 2)', key.plain) end as place,
        case a ->> 'method'
            when 'md5' then '(''x'' || substr(md5(r), 1, 16))::bit(64)::bigint as one, '
                '(''x'' || substr(md5(r), 17))::bit(64)::bigint as two'
            else 'hashtextextended(r, 0) as one, hashtextextended(r, 1) as two' end as hashes,
        concat_ws(' and ', 'true',
            case when a ->> 'live' is not null then format('t.%I is null', a ->> 'live') end,
            case when jsonb_typeof(a -> 'after') = 'array' then format('(%s) > (%s)', key.ordered, key.after) end,
            case when jsonb_typeof(a -> 'to') = 'array' then format('(%s) <= (%s)', key.ordered, key.upto) end,
            case when key.wanted is not null then format('(%s) in (%s)', key.ordered, key.wanted) end) as held
    from asked, relation, columns, key
),
chosen as (
    select *, a ->> 'parts' <> '1' as parted, concat_ws(' and ', held, case when jsonb_typeof(a -> 'among') = 'array' then
        format('%s & %s = any (%L::bigint[])', place, (a ->> 'of')::bigint - 1,
            array(select jsonb_array_elements_text(a -> 'among')::bigint)) end) as filter
    from pieces
)
select case a ->> 'want'
    when 'bound' then format(
        'select jsonb_build_object(''version'', 1, ''found'', ('
        'select jsonb_build_array(%s) from (select %s from %s t where %s order by %s offset %s limit 1) t))',
        shown, plain, name, filter, ordered, (a ->> 'rows')::bigint - 1)
    when 'parts' then format(
        'select jsonb_build_object(''version'', 1, ''found'', '
        'coalesce(jsonb_agg(jsonb_build_array(p, n, one::text, two::text)), ''[]'')) from ('
        'select %s as p, count(*) as n, sum(one) as one, sum(two) as two from (select p, %s from ('
        'select %s as p, row(%s)::text collate "C" as r from %s t where %s offset ''0''::bigint) x) y %s) z',
        case when parted then 'p' else '0' end, hashes,
        case when parted then format('%s & %s', place, (a ->> 'parts')::bigint - 1) else '0' end,
        list, name, filter, case when parted then 'group by p' end)
    when 'rows' then format(
        'select jsonb_build_object(''version'', 1, ''found'', '
        'coalesce(jsonb_agg(jsonb_build_array(k, one::text, two::text, s)), ''[]'')) from (select k, s, %s from ('
        'select jsonb_build_array(%s) as k, jsonb_build_array(%s) as s, row(%s)::text collate "C" as r '
        'from %s t where %s limit %s) x) y',
        hashes, shown, (
            select string_agg(format(case when exists (select from casting where id = att.atttypid)
                then 'case when num_nulls(t.%1$I) = 0 then format(''%%s'', t.%1$I) end'
                else 'to_jsonb(t.%1$I) #>> ''{}''' end, each.name), ', ' order by each.place)
            from jsonb_array_elements_text(a -> 'stamps') with ordinality each (name, place)
            join pg_catalog.pg_attribute att on att.attrelid = relid and att.attname = each.name
                and not att.attisdropped),
        list, name, filter, (a ->> 'limit')::bigint)
    when 'cells' then format(
        'select jsonb_build_object(''version'', 1, ''columns'', %L::jsonb, ''found'', '
        'coalesce(jsonb_agg(jsonb_build_array(jsonb_build_array(%s), array[%s]::text[])), ''[]'')) from %s t where %s',
        names, shown, cells, name, filter)
    end
from chosen
