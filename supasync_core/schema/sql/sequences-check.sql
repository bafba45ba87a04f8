-- supasync: are all sequences of NEW beyond the largest key that was copied?
--
-- Paste all of it into NEW's SQL editor and run it. Every line of the result must say "fine". It changes
-- nothing; the function that checks exists only in this session.

:sequences_found
:sequences
