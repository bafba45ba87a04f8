"""The comparison of a whole table with OLD, now and then: it finds what reading the table does not see.

At the end of a run, under its lease: `conduct.Comparing` is the door. It walks over OLD in the order of the
key, brings what NEW does not hold as OLD has it, and looks for rows that OLD has no more.
"""
