"""The diff engine: two tables joined by key and compared in SQL, in memory that is bounded."""
