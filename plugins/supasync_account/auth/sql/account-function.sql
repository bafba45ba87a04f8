do $auth$
declare
    other text;
begin
    drop function if exists public.:name(jsonb);
    execute $create$
create function public.:name(asked jsonb) returns json
language plpgsql
:kind
security definer
:pinned
as $function$
declare
    -- Some servers hand a JSON argument of an address over as a string.
    supasync_asked jsonb := case jsonb_typeof(asked) when 'string' then (asked #>> '{}')::jsonb else asked end;
    supasync_parts jsonb;
    supasync_more jsonb;
    supasync_step jsonb;
    supasync_text text;
    supasync_part record;
    supasync_rows json;
    supasync_answers json[] := '{}';
begin
:remembered
    execute :fragments into supasync_parts using supasync_asked;
:opening
    for supasync_step in select s.value from jsonb_array_elements(supasync_asked -> 'steps') s (value) loop
        supasync_text := case supasync_step ->> 0
:queries
        end;
        if supasync_text is null or supasync_step ->> 1 <> all (array[:tables]) then
            raise exception ':name does not know this question';
        end if;
        for supasync_part in
            select p.key, p.value from jsonb_each_text(supasync_parts - 'tables') p
            union all select p.key, p.value from jsonb_each_text(supasync_parts -> 'tables' -> (supasync_step ->> 1)) p
            union all select 'tab', supasync_step ->> 1
        loop
            if supasync_part.value is not null then
                supasync_text := replace(supasync_text, '{' || supasync_part.key || '}', supasync_part.value);
            end if;
        end loop;
        supasync_rows := null;
        if supasync_step ->> 0 = any (array[:silent]::text[]) then
            execute supasync_text using supasync_step -> 2;
        else
            execute 'with supasync_rows as materialized (' || supasync_text
                || ') select coalesce(json_agg(r), ''[]''::json) from supasync_rows r'
            into supasync_rows using supasync_step -> 2;
        end if;
        supasync_answers := supasync_answers || coalesce(supasync_rows, '[]'::json);
    end loop;
    return json_build_object('version', :version, 'tables', array_to_json(array[:tables]),
        'answers', array_to_json(supasync_answers));
end
$function$
    $create$;
    revoke all on function public.:name(jsonb) from public, anon, authenticated;
    grant execute on function public.:name(jsonb) to service_role;
    foreach other in array array['public', 'anon', 'authenticated'] loop
        if has_function_privilege(other, 'public.:name(jsonb)', 'execute') then
            raise exception '% may still call :name, so it was not created', other
                using hint = 'revoke the role by which it may, then run this again';
        end if;
    end loop;
:records
end
$auth$;

notify pgrst, 'reload schema';

-- The result: who may call it.
select r.rolname as role, has_function_privilege(r.oid, 'public.:name(jsonb)', 'execute') as may_call
from pg_catalog.pg_roles r where r.rolname in ('anon', 'authenticated', 'service_role') order by 1;
