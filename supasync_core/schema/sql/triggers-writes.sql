-- Whether supasync writes: by the secret key, with a header that only supasync sends, or by a setting, over a
-- direct connection and in a function that the secret key has called. No other role of the API can claim this.
-- Every guard calls this function, so any other copier of rows can be added here: a role, a setting.
create or replace function public.supasync_writes() returns boolean
language sql
stable
security invoker
set search_path = pg_catalog, pg_temp  -- temporary tables last
as $function$
    select case when current_user = 'service_role' then coalesce(
        nullif(current_setting('request.headers', true), '')::json ->> 'x-supasync' = 'write', false)
        else (session_user <> 'authenticator' or current_setting('role', true) = 'service_role')
            and coalesce(current_setting('supasync.writes', true) = 'on', false)
    end
$function$;
grant execute on function public.supasync_writes() to public;  -- every write of the app asks it
