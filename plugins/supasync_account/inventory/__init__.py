"""The room of the inventory: what both projects hold besides rows, what supasync copies, and what is left."""
