declare
    each record;
begin
    for each in
        select distinct c.oid::regclass::text as relation, a.attname, s.oid::regclass::text as sequence,
            p.seqincrement, p.seqmin, p.seqmax,
            coalesce(nullif(y.typbasetype, 0), y.oid) in (
                'smallint'::regtype, 'integer'::regtype, 'bigint'::regtype, 'numeric'::regtype) as numbers
        from (:synced) as synced (schema_name, table_name)
        join pg_catalog.pg_namespace n on n.nspname = synced.schema_name
        join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = synced.table_name
        join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        join pg_catalog.pg_type y on y.oid = a.atttypid
        cross join lateral (
            select d.objid  -- the column's own: serial and identity
            from pg_catalog.pg_depend d
            where d.classid = 'pg_catalog.pg_class'::regclass and d.refclassid = 'pg_catalog.pg_class'::regclass
              and d.refobjid = c.oid and d.refobjsubid = a.attnum and d.deptype in ('a', 'i')
            union
            select d.refobjid  -- a default that draws from any sequence
            from pg_catalog.pg_attrdef f
            join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_attrdef'::regclass and d.objid = f.oid
                and d.refclassid = 'pg_catalog.pg_class'::regclass
            where f.adrelid = c.oid and f.adnum = a.attnum
            union
            select drawn.sequence  -- a default or a trigger that calls a function, which draws from a sequence by its name
            from (
                select d.refobjid from pg_catalog.pg_attrdef f
                join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_attrdef'::regclass and d.objid = f.oid
                    and d.refclassid = 'pg_catalog.pg_proc'::regclass
                where f.adrelid = c.oid and f.adnum = a.attnum
                union
                select t.tgfoid from pg_catalog.pg_trigger t join pg_catalog.pg_proc q on q.oid = t.tgfoid
                where t.tgrelid = c.oid and not t.tgisinternal
                    and position('new.' || lower(a.attname) in replace(lower(q.prosrc), '"', '')) > 0
            ) as calls (oid)
            join pg_catalog.pg_proc q on q.oid = calls.oid
            join pg_catalog.pg_namespace place on place.oid = q.pronamespace
            cross join lateral regexp_matches(q.prosrc,
                'nextval[[:space:]]*[(][[:space:]]*''([a-z_][a-z0-9_$]*(?:[.][a-z_][a-z0-9_$]*)?)''', 'gi') as named (texts)
            cross join lateral (select case when position('.' in texts[1]) > 0 then to_regclass(texts[1])
                else coalesce(to_regclass(format('%I.%s', place.nspname, texts[1])), to_regclass('public.' || texts[1]))
                end::oid) as drawn (sequence)
        ) as used (oid)
        join pg_catalog.pg_class s on s.oid = used.oid and s.relkind = 'S'
        join pg_catalog.pg_sequence p on p.seqrelid = s.oid
        where c.relkind in ('r', 'p')
    loop
        "table" := each.relation;
        "column" := each.attname;
        sequence := each.sequence;
        largest_key := null;
        wanted := null;
        execute format('select last_value::numeric + case when is_called then %s else 0 end from %s',
            each.seqincrement, each.sequence) into next_key;
        if each.numbers then
            execute format('select %s(%I) from %s', case when each.seqincrement > 0 then 'max' else 'min' end,
                each.attname, each.relation) into largest_key;
        end if;
        if (largest_key - next_key) * sign(each.seqincrement) >= 0 then
            wanted := next_key + each.seqincrement * (div(largest_key - next_key, each.seqincrement) + 1);
        end if;
        verdict := case
            when not each.numbers then 'no number: compare it yourself'
            when not coalesce(wanted, next_key) between each.seqmin and each.seqmax
                then 'has no room beyond the largest key: make the sequence larger'
            when wanted is not null then 'behind'
            else 'fine' end;
        return next;
    end loop;
end
