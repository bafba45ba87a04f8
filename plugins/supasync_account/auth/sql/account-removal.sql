-- supasync: removes the function that :verb accounts; :rest.
drop function if exists public.:name(jsonb);

notify pgrst, 'reload schema';

-- The result: what is left, nothing.
select p.proname as name from pg_catalog.pg_proc p
where p.pronamespace = 'public'::regnamespace and p.proname = ':name';
