-- supasync: enables the triggers again that supasync schema sql --triggers off disabled.
--
-- Paste all of it into NEW's SQL editor and run it, after the last sync. Running it again changes nothing.

:changed
:triggers_back
:triggers
