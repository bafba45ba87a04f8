COPY gap.confirmed FROM 'gap_confirmed.csv' (FORMAT 'csv', allow_quoted_nulls false, quote '"', delimiter ',', header 1);
COPY gap.memory FROM 'gap_memory.csv' (FORMAT 'csv', allow_quoted_nulls false, force_not_null 'name', quote '"', delimiter ',', header 1);
COPY kept.overwritten FROM 'kept_overwritten.csv' (FORMAT 'csv', allow_quoted_nulls false, quote '"', delimiter ',', header 1);
COPY kept.removed FROM 'kept_removed.csv' (FORMAT 'csv', allow_quoted_nulls false, quote '"', delimiter ',', header 1);
COPY kept.sighted FROM 'kept_sighted.csv' (FORMAT 'csv', allow_quoted_nulls false, quote '"', delimiter ',', header 1);
