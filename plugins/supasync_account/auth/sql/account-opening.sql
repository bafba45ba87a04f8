    if supasync_asked ? 'then' then
        execute :fragments into supasync_more using supasync_asked -> 'then';
        if supasync_more ->> 'lacking' is not null then
            raise exception '%', supasync_more ->> 'lacking' using errcode = 'undefined_column';
        end if;
        supasync_parts := supasync_parts || jsonb_build_object('then_mark', supasync_more -> 'mark');
    end if;
    perform set_config('supasync.writes', 'on', true);  -- what guards of triggers ask for
    if supasync_asked ->> 'run' is not null and to_regclass('public.sync_metadata') is not null then
        perform pg_advisory_xact_lock_shared(hashtextextended('public.sync_metadata: writes', 0));
        if exists (select from public.sync_metadata m where m.run_id::text = supasync_asked ->> 'run')
            and not coalesce((
                select m.run_id::text = supasync_asked ->> 'run' and m.sync_status = 'running'
                from public.sync_metadata m where m.run_id is not null order by m.seq desc limit 1), false)
        then
            raise exception 'this run has lost its lease' using errcode = 'SUP01';
        end if;
    end if;
    if supasync_asked ? 'allowed' then
        execute 'with now as materialized (select u.id::text as id, ' || (supasync_parts ->> 'mark') || ' as mark
            from auth.users u where u.id = any((select array_agg(k.id::uuid) from jsonb_object_keys($1) k (id))::uuid[])
            for update)
            select jsonb_agg(a.key) from jsonb_each($1) a left join now n on n.id = a.key
            where not exists (select from jsonb_array_elements_text(a.value) e (mark)
                where e.mark is not distinct from n.mark)'
        into supasync_more using supasync_asked -> 'allowed';
        if supasync_more is not null then
            return json_build_object('version', :version, 'changed', supasync_more);
        end if;
    end if;
