"""CSV files in whatever dialect, read into DuckDB without losing anything."""
