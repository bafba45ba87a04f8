-- supasync: restores the foreign keys that supasync schema sql --foreign-keys off dropped.
--
-- Paste all of it into NEW's SQL editor and run it, after the last sync and after the rows that they refer
-- to (such as those of auth.users) have been copied. Running it again only does what is left to do.

:changed
:foreign_keys_back
-- The result: foreign keys that refer to missing rows. Empty: all are restored. Each of them already checks
-- new rows; copy what is missing, then run this again.
select schema_name as schema, table_name as "table", name as foreign_key, was as definition,
    'not valid yet: some rows have no counterpart' as state
from public.supasync_changed
where kind = 'foreign key'
order by 1, 2, 3;
