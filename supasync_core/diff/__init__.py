"""What differs between two sides, why, and what makes them equal.

A side is a project, the staging, or files. `DiffEngine` compares the rows of two sides in DuckDB.
"""
