"""What must hold in NEW before the app writes to it, as its function ``supasync_ready`` tells."""

from collections.abc import Mapping
from typing import Final

READY: Final[Mapping[str, tuple[str, str]]] = {
    "sequences": ("sequences of NEW are beyond the largest key", "set"),
    "identity": ("identity columns are as they were before the sync", "always"),
    "triggers": ("no trigger of NEW is disabled", "on"),
    "foreign-keys": ("every foreign key that was dropped for the sync is restored", "on"),
}
"""Each with the value of its option of ``supasync schema sql``, whose SQL makes it hold."""
SENTENCES: Final[Mapping[str, str]] = {name: sentence for name, (sentence, _) in READY.items()}
