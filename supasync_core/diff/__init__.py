"""What differs between two sides, why, and what makes them equal.

A side is a project, the staging, or files. An `Engine` compares the rows of two sides; `Files` are formats
that an engine reads by itself. Both come from plugins. What counts as a difference, and what a difference
may have come from, is decided here.
"""
