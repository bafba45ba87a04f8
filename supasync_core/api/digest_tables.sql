select jsonb_build_object(
    'version', 1,
    -- Known values as a row's text: servers that hash it alike print values alike, and have one encoding.
    'probe', (
        select jsonb_build_object('hash', jsonb_build_array(
            hashtextextended(known.shown, 0)::text, hashtextextended(known.shown, 1)::text), 'md5', md5(known.shown))
        from (select row(0.1::real, 1e-7::double precision / 3, 1.50, '12.34'::money, '\xdead'::bytea, null, '',
            'Zoë 東 " \', timestamptz '2001-02-03 04:05:06.789+10', interval '-1 mons +2 days 03:04:05',
            daterange('2001-02-03', null), array['a b', null], '{"b": 1.10, "a": null}'::jsonb, true)::text
            collate "C" as shown) known),
    'found', (
        select jsonb_agg(case when c.oid is not null then jsonb_build_object(
            'kind', c.relkind,
            'readable', has_table_privilege(c.oid, 'select'),
            'parent', c.relkind = 'r' and exists (select from pg_catalog.pg_inherits where inhparent = c.oid),
            'rows', greatest(c.reltuples, 0)::bigint,
            'bytes', pg_table_size(c.oid) + (
                select coalesce(sum(pg_table_size(part.relid)), 0) from pg_partition_tree(c.oid) part),
            -- By name: the type, what its composite parts are made of, NOT NULL, whether JSON of any spelling is in it.
            'columns', (
                select coalesce(jsonb_object_agg(att.attname, jsonb_build_array(
                    format_type(att.atttypid, null), whole.made, att.attnotnull, whole.spelled)), '{}')
                from pg_catalog.pg_attribute att
                cross join lateral (
                    with recursive part (id) as (
                        select att.atttypid
                        union
                        select inner_part.id from part join pg_catalog.pg_type t on t.oid = part.id
                        cross join lateral (
                            select t.typelem union all select t.typbasetype union all
                            select field.atttypid from pg_catalog.pg_attribute field
                            where field.attrelid = t.typrelid and field.attnum > 0 and not field.attisdropped
                        ) inner_part (id)
                        where inner_part.id <> 0)
                    select bool_or(part.id = 'json'::regtype) as spelled,
                        string_agg(format('%s (%s)', format_type(part.id, null), (
                            select string_agg(format('%s %s', field.attname, format_type(field.atttypid, null)), ', '
                                order by field.attnum)
                            from pg_catalog.pg_attribute field
                            where field.attrelid = t.typrelid and field.attnum > 0 and not field.attisdropped)), '; '
                            order by format_type(part.id, null) collate "C") filter (where t.typtype = 'c') as made
                    from part join pg_catalog.pg_type t on t.oid = part.id) whole
                where att.attrelid = c.oid and att.attnum > 0 and not att.attisdropped),
            'unique', exists (
                select from pg_catalog.pg_index i
                where i.indrelid = c.oid and i.indisunique and i.indisvalid and i.indpred is null
                    and i.indexprs is null and (
                        select array_agg(att.attname::text order by att.attname) from pg_catalog.pg_attribute att
                        where att.attrelid = c.oid and att.attnum = any ((i.indkey::smallint[])[0:i.indnkeyatts - 1]))
                    = (select array_agg(each.name order by each.name::name)
                        from jsonb_array_elements_text(t.asked -> 2) each (name))))
            end order by t.place)
        from jsonb_array_elements(:asked -> 'tables') with ordinality t (asked, place)
        left join pg_catalog.pg_namespace n on n.nspname = t.asked ->> 0
        left join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = t.asked ->> 1))
