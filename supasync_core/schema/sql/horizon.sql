-- supasync: an optional function for OLD that only reads.
--
-- With it, a run without changes takes 3 requests for any number of tables, and rows of transactions that are
-- still open are copied when these have ended. Paste all of it into OLD's SQL editor, run it, and write
-- horizon: true beside backend: under source: in tables.yaml. Running it again changes nothing. To remove it:
-- supasync schema sql --horizon --uninstall

:horizon_function

notify pgrst, 'reload schema';
