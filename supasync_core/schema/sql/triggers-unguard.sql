-- supasync: restores the definitions of triggers that supasync schema sql --triggers guard changed.
--
-- Paste all of it into NEW's SQL editor and run it, after the last sync. Running it again changes nothing.

:changed
:triggers_unguarded
do $supasync$
begin
    if to_regprocedure('public.supasync_fence()') is null then  -- which asks it too
        drop function if exists public.supasync_writes();
    end if;
end
$supasync$;

:triggers
