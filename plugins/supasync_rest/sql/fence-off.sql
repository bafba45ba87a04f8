-- supasync: NEW no longer refuses a late write by itself; later runs write over it, as they did before.
--
-- Paste all of it into NEW's SQL editor and run it. Running it again changes nothing.

:changed
:fence_lifted
:fence
