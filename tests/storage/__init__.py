"""Supabase Storage for tests, over a real PostgreSQL and real files."""
