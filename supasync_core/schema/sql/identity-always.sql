-- supasync: makes the columns that supasync schema sql --identity changed GENERATED ALWAYS AS IDENTITY again.
--
-- Paste all of it into NEW's SQL editor and run it, after the last sync. Running it again changes nothing.

:changed
:identity_back
:identity
