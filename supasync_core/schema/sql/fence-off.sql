-- supasync: NEW accepts late writes again; later runs replace them, as they did before the fence.
--
-- Paste all of it into NEW's SQL editor and run it. Running it again changes nothing.

:changed
:fence_lifted
:fence
