-- The result: the next number of each sequence, and the largest key in its column.
select "table", "column", sequence, largest_key, next_key, verdict
from pg_temp.supasync_sequences()
order by verdict = 'fine', "table", "column";
