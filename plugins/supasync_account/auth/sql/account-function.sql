do $auth$
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
    supasync_usual text := (select s.reset_val from pg_settings s where s.name = 'search_path');
    supasync_fires boolean;
    supasync_silent boolean;
    supasync_values jsonb;
    supasync_rows json;
    supasync_answers json[] := '{}';
begin
:refusing
:remembered
    execute :fragments into supasync_parts using supasync_asked;
    if supasync_parts ->> 'lacking' is not null then
        raise exception '%', supasync_parts ->> 'lacking' using errcode = 'undefined_column';
    end if;
:opening
    for supasync_step in select s.value from jsonb_array_elements(supasync_asked -> 'steps') s (value) loop
        supasync_text := case supasync_step ->> 0
:queries
        end;
        if supasync_text is null or (supasync_step ->> 1 = any (array[:tables])) is not true then
            raise exception ':name does not know this question';
        end if;
        supasync_more := supasync_parts || coalesce(supasync_parts -> 'tables' -> (supasync_step ->> 1), '{}')
            || jsonb_build_object('tab', supasync_step ->> 1);
        -- In one pass: a name of a column that was put in is not looked at again.
        supasync_text := (
            select string_agg(coalesce(supasync_more ->> substring(p.piece[1] from '^\{([a-z_]+)\}$'), p.piece[1]), ''
                order by p.place)
            from regexp_matches(supasync_text, '\{[a-z_]+\}|\{|[^{]+', 'g') with ordinality p (piece, place));
        supasync_rows := null;
        supasync_values := supasync_step -> 2;
        supasync_silent := supasync_step ->> 0 = any (array[:silent]::text[]);
        if not supasync_silent then
            supasync_text := 'with supasync_rows as materialized (' || supasync_text
                || ') select coalesce(pg_catalog.json_agg(r), ''[]''::pg_catalog.json) from supasync_rows r';
        end if;
        -- Triggers find names on their usual path, for one statement. Others may write to that path: until it is
        -- this function's own again, no expression here has an operator, nor a function without its schema.
        supasync_fires := supasync_asked ? 'fires' and supasync_step ->> 0 = any (array[:firing]::text[]);
        if supasync_fires then
            perform set_config('search_path', supasync_usual, true);
        end if;
        if supasync_silent then
            execute supasync_text using supasync_values;
        else
            execute supasync_text into supasync_rows using supasync_values;
        end if;
        if supasync_fires then
            perform :repinned;  -- a trigger may have changed any of them
        end if;
        supasync_answers := array_append(supasync_answers, coalesce(supasync_rows, '[]'::json));
    end loop;
    return json_build_object('version', :version, 'tables', array_to_json(array[:tables]),
        'answers', array_to_json(supasync_answers));
end
$function$
    $create$;
:closing
:records
end
$auth$;

notify pgrst, 'reload schema';

-- The result: who may call it.
select r.rolname as role, has_function_privilege(r.oid, 'public.:name(jsonb)', 'execute') as may_call
from pg_catalog.pg_roles r where r.rolname in ('anon', 'authenticated', 'service_role') order by 1;
