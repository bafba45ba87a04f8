-- supasync: sets every sequence of NEW beyond the largest key that was copied.
--
-- Paste all of it into NEW's SQL editor and run it as the owner of the tables (the editor's postgres is),
-- after the last sync. Running it again is harmless: a sequence is never lowered.

:sequences_found
do $supasync$
declare
    each record;
begin
    -- Other sessions that draw a number wait, so that none is given twice.
    for each in select distinct "table" from pg_temp.supasync_sequences() where verdict = 'behind' order by 1
    loop
        execute format('lock table %s in share row exclusive mode', each."table");
    end loop;
    for each in
        select sequence, case when min(next_key) <= min(wanted) then max(wanted) else min(wanted) end as wanted
        from pg_temp.supasync_sequences()
        where verdict = 'behind'
        group by sequence
    loop
        perform setval(each.sequence::regclass, each.wanted::bigint, false);
    end loop;
end
$supasync$;

:sequences
