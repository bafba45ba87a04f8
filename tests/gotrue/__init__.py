"""A Supabase Auth for tests, over a real PostgreSQL with the schema of `tests/servers/hosted.sql`."""
