"""The room of the accounts of Supabase Auth: read in OLD, written to NEW, compared.

What a person may choose is here, since every `--help` asks for it.
"""

from typing import Final, Literal, get_args

Deletes = Literal["ignore", "report", "mirror"]
POLICIES: Final[tuple[Deletes, ...]] = get_args(Deletes)
"""What may be done about accounts that OLD deleted."""
ACCEPTED: Final = ("newer", "triggers", "cascades")
"""What a person may accept: see docs/how-to/copy-users-of-supabase-auth.md."""
