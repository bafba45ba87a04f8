"""The engine: one run from its lease to its record."""
