-- supasync: removes what supasync schema sql --horizon added to OLD.
--
-- Paste it into OLD's SQL editor and run it. Running it again changes nothing. Remove horizon: from
-- tables.yaml as well.
drop function if exists public.supasync_horizon(jsonb);

notify pgrst, 'reload schema';
