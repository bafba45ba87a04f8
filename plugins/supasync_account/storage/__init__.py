"""The room of Supabase Storage: buckets and objects, copied from OLD to NEW and proven.

What a person may choose is here, since every `--help` asks for it.
"""

from typing import Final, Literal, get_args

Deletes = Literal["ignore", "report", "mirror"]
POLICIES: Final[tuple[Deletes, ...]] = get_args(Deletes)
"""What may be done about objects that OLD deleted."""
ACCEPTED: Final = ("newer",)
"""What a person may accept: see docs/how-to/copy-storage.md."""
