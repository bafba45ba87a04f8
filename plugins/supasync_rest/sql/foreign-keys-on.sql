-- supasync: the foreign keys that supasync schema sql --foreign-keys off dropped are there again.
--
-- Paste all of it into NEW's SQL editor and run it, after the last sync and after the rows that they point
-- to (those of auth.users, say) have been copied. Running it again changes nothing but what is left to do.

:changed
:foreign_keys_back
-- The result: foreign keys whose rows are not all there. Empty: everything is back. Each of them is checked
-- for new rows already; copy what is missing, then run this again.
select schema_name as schema, table_name as "table", name as foreign_key, was as definition,
    'not valid yet: some rows have no counterpart' as state
from public.supasync_changed
where kind = 'foreign key'
order by 1, 2, 3;
