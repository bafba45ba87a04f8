"""Exports by hand: the dialects of the dashboard and of psql, our exact form, and the damage done to them."""
