-- supasync: the triggers that supasync schema sql --triggers off turned off are on again, as they were.
--
-- Paste all of it into NEW's SQL editor and run it, after the last sync. Running it again changes nothing.

:changed
:triggers_back
:triggers
