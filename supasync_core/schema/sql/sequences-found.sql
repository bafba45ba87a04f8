drop function if exists pg_temp.supasync_sequences();
create function pg_temp.supasync_sequences() returns table (
    "table" text, "column" text, sequence text, largest_key numeric, next_key numeric, wanted numeric,
    verdict text
)
language plpgsql
set search_path = pg_catalog, pg_temp  -- temporary tables last
set row_security = off  -- an error, where rows would be hidden from the search for the largest key
as $supasync$
:sequences_body
$supasync$;

