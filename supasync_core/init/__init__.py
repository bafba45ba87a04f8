"""A first tables.yaml from what the source shows of its tables: each choice with its reason."""
