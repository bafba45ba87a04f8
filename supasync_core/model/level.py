"""How much something that was found matters to a copy."""

from typing import Final, Literal

Level = Literal["problem", "warning", "note"]
"""A ``problem`` must be fixed first, a ``warning`` may lose or change something, a ``note`` only informs."""
PROBLEM: Final = "problem"
WARNING: Final = "warning"
NOTE: Final = "note"
