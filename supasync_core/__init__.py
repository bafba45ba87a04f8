"""supasync moves the rows of one Supabase project to another, hourly, until the switch."""

from supasync_core.hookspecs import hookimpl

__all__ = ["hookimpl"]
