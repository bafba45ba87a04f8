    if supasync_asked ? 'remembered' then  -- the columns of the marks that were written last
        supasync_more := (
            select obj_description(c.oid, 'pg_class')::jsonb from pg_class c
            where c.oid = to_regclass('public.supasync_accounts') and obj_description(c.oid, 'pg_class') ~ '^\[');
        if jsonb_typeof(supasync_more -> 1) <> 'object' or supasync_more is null then
            supasync_asked := supasync_asked || jsonb_build_object('steps', (
                select coalesce(jsonb_agg(s.value), '[]') from jsonb_array_elements(supasync_asked -> 'steps') s (value)
                where s.value ->> 0 not in ('sums', 'record_sums')), 'columns', '[]'::jsonb);
        else
            supasync_asked := supasync_asked || jsonb_build_object('columns',
                jsonb_build_array(jsonb_build_array('users', supasync_more -> 0, '[]'::jsonb)) || (
                    select coalesce(jsonb_agg(jsonb_build_array(t.key, t.value, '[]'::jsonb)
                        order by array_position(array[:tables], t.key)), '[]')
                    from jsonb_each(supasync_more -> 1) t));
        end if;
    end if;
