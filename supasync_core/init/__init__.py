"""A tables.yaml out of what the source tells of its tables: each choice with its reason."""
