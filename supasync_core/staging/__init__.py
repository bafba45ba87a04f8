"""Staging: what an export holds, kept in DuckDB and compared with what NEW has."""
