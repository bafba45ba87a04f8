"""One side is made like the other: differences are planned, shown, written, and can be undone.

Rows that a write replaces, and rows that are removed, are kept in the staging first.
"""
