-- supasync: removes the functions that supasync schema sql --old, --horizon, --auth --old or --storage --old added to
-- OLD. Rights of service_role on your tables stay.
--
-- Paste it into OLD's SQL editor and run it. Running it again changes nothing. Remove horizon: from
-- tables.yaml as well.
drop function if exists public.supasync_digest(jsonb);
drop function if exists public.supasync_horizon(jsonb);
drop function if exists public.supasync_auth_old(jsonb);
drop function if exists public.supasync_storage(jsonb);

notify pgrst, 'reload schema';
