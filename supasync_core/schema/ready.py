"""What must hold in NEW before the app writes to it, as its function ``supasync_ready`` tells."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from supasync_core.api.switch import Condition
from supasync_core.model.table import Table
from supasync_core.schema import scripts
from supasync_core.schema.catalog_warnings import GUARD

FUNCTION: Final = "supasync_ready"
READY: Final[Mapping[str, tuple[str, str]]] = {
    "sequences": ("sequences of NEW are beyond the largest key", "set"),
    "identity": ("identity columns are as they were before the sync", "always"),
    "triggers": ("no trigger of NEW is disabled", "on"),
    "foreign-keys": ("every foreign key that was dropped for the sync is restored", "on"),
}
"""Each with the value of its option of ``supasync schema sql``, whose SQL makes it hold."""
SENTENCES: Final[Mapping[str, str]] = {name: sentence for name, (sentence, _) in READY.items()}


def conditions(
    found: Sequence[Mapping[str, Sequence[str]]],
    tables: Sequence[Table],
    firing: Callable[[], Sequence[str]] = tuple,
) -> Iterator[Condition]:
    """Each condition as the function's answers have it; ``firing``: triggers that a last sync still fires."""
    for name, (_, value) in READY.items():
        wrong = [text for each in found for text in each.get(name, ())]
        fired = firing() if name == "triggers" and not wrong else ()
        paste = f"paste into NEW's SQL editor what this prints: supasync schema sql --{name} {value}"
        yield Condition(
            name=name,
            holds=not wrong,
            text="; ".join(wrong or ["as it should be", *fired]),
            how=f"{FUNCTION}() in NEW",
            hint=paste if wrong else GUARD if fired else None,
            sql=scripts.script(f"{name}-{value}", tables) if wrong else None,
        )


def unseen(text: str, hint: str | None = None) -> Iterator[Condition]:
    """Each condition, where the function gave no answer."""
    for name, (_, value) in READY.items():
        way = f"SQL that makes it so: supasync schema sql --{name} {value}"
        both = "\n".join(filter(None, (hint, way)))
        yield Condition(name=name, holds=None, text=text, how="not seen", hint=both)
