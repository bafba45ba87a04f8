"""One side is made like the other: what differs is planned, shown, written, and can be undone.

Rows that a write replaces, and rows that are removed, are kept in the staging first. Callers hold the lock of
this machine, and for a project the lease.
"""
