"""Names and what they stand for, with a suggestion for the name that was meant."""

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

from supasync_core.model.errors import PluginError

T = TypeVar("T")

_MANY = 1000
"""Names among which none is looked for that is close: that takes a second."""
_LONGEST = 200
"""Characters of a name that are compared."""
_LISTED = 30
"""Names that are listed where none is close."""


class Registry(Generic[T]):
    """The things of one kind that plugins have registered, by name.

    ``flaw`` says what is wrong with a thing of another kind, or None.
    """

    def __init__(self, kind: str, flaw: Callable[[object], str | None] = lambda _thing: None) -> None:
        self.kind = kind
        self._flaw = flaw
        self._entries: dict[str, tuple[T, str]] = {}
        self.plugin = "?"

    def add(self, name: str, thing: T) -> None:
        """Register a thing; PluginError where the name is taken, or the thing is of another kind."""
        if not isinstance(name, str) or not name:
            raise PluginError(f"a {self.kind} is registered under a name, a text; not under {name!r}")
        if flaw := self._flaw(thing):
            raise PluginError(f"the {self.kind} {name}: {flaw}")
        if name in self._entries:
            raise PluginError(f"the {self.kind} {name} is already registered by {self._entries[name][1]}")
        self._entries[name] = (thing, self.plugin)

    def get(self, name: str) -> T:
        """The thing of that name; PluginError with a suggestion if there is none."""
        if name not in self._entries:
            raise PluginError(f"unknown {self.kind} {name}{did_you_mean(name, self._entries)}")
        return self._entries[name][0]

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def owner(self, name: str) -> str | None:
        """The plugin that registered this name; None where no plugin did."""
        return self._entries[name][1] if name in self._entries else None

    def provided_by(self, plugin: str) -> list[str]:
        """The names that this plugin registered."""
        return [name for name, (_, owner) in self._entries.items() if owner == plugin]

    def withdraw(self, plugin: str) -> None:
        """Forget what this plugin registered."""
        self._entries = {name: entry for name, entry in self._entries.items() if entry[1] != plugin}


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``, did you mean X?`` where a known name is close, else the names there are."""
    from difflib import get_close_matches  # noqa: PLC0415 - wanted where a name is wrong

    names = sorted(known)
    close = get_close_matches(name[:_LONGEST], names, n=1) if len(names) <= _MANY else []
    if close:
        return f", did you mean {close[0]}?"
    more = ", ..." if len(names) > _LISTED else ""
    return f" (available: {', '.join(names[:_LISTED])}{more})" if names else ""
