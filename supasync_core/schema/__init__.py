"""The tables of both sides: what NEW lacks, what it takes otherwise than OLD has it."""
