"""How the migration stands: health, the next step, and a look at both sides before anything is copied."""
