-- For supasync verify: digests of rows, which the database computes itself, so that equal tables need not be
-- read. It only reads, with the rights of whoever calls it. One statement: the function is never there without
-- the rights that belong to it.
do $digest$
begin
    drop function if exists public.supasync_digest(jsonb);
    execute $create$
create function public.supasync_digest(asked jsonb) returns jsonb
language plpgsql
stable
security invoker
:pinned
as $function$
declare
    supasync_asked constant jsonb := case jsonb_typeof(asked) when 'string' then (asked #>> '{}')::jsonb else asked end;
    supasync_statement text;
    supasync_answer jsonb;
begin
    if supasync_asked ->> 'want' = 'tables' then
        return (
:digest_tables
        );
    end if;
    supasync_statement := (
:digest_rows
    );
    if supasync_statement is null then
        raise exception 'supasync_digest knows no such table, or no such question' using errcode = 'undefined_table';
    end if;
    execute supasync_statement into supasync_answer;
    return supasync_answer;
end
$function$
    $create$;
:digest_rights
end
$digest$;
