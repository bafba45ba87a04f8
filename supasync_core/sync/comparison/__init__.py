"""The comparison of a whole table with OLD, now and then: it finds what reading the table does not see.

It runs at the end of a run, under its lease, and begins in `compare_due.Comparing`. It walks over OLD in the
order of the key, brings what NEW does not hold as OLD has it, and looks for rows that OLD no longer has.
"""
