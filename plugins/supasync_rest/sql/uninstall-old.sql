-- supasync: OLD is as it was before supasync schema sql --horizon.
--
-- Paste it into OLD's SQL editor and run it. Running it again changes nothing. Take horizon: out of
-- tables.yaml as well.
drop function if exists public.supasync_horizon(jsonb);

notify pgrst, 'reload schema';
