-- supasync: two answers about OLD's Storage, for service_role alone, whose key is OLD's secret key. With it, an hour in
-- which no file changes costs one request, and a copy one request less for each file. It only reads, with the
-- rights of its caller.
--
-- Paste all of it into OLD's SQL editor and run it. Running it again changes nothing. Remove it after the switch:
-- supasync schema sql --storage --old --uninstall
do $storage$
begin
    drop function if exists public.supasync_storage(jsonb);
    execute $create$
create function public.supasync_storage(asked jsonb) returns json
language sql
stable
:pinned
as $function$
    -- Some servers hand a JSON argument of an address over as a string.
    with q as (select case jsonb_typeof(asked) when 'string' then (asked #>> '{}')::jsonb else asked end as asked)
    select case when q.asked ? 'bucket' then (
        select coalesce(json_object_agg(o.name, o.user_metadata), '{}')
        from storage.objects o
        where o.bucket_id = q.asked ->> 'bucket' and o.user_metadata is not null and o.user_metadata <> '{}'
            and o.name in (select n.name from jsonb_array_elements_text(q.asked -> 'names') n (name))
    ) else (
:buckets    ) end
    from q
$function$
$create$;
:closing
end
$storage$;

notify pgrst, 'reload schema';

-- The result: the function.
select p.proname as name from pg_catalog.pg_proc p
where p.pronamespace = 'public'::regnamespace and p.proname = 'supasync_storage';
