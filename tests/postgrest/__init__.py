"""A PostgREST for tests over real PostgreSQL: rows become JSON, and bodies rows, inside the database."""
