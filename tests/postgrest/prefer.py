"""The `Prefer` header: what is asked, what is unknown, and what the answer says was applied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

VALUES = {
    "resolution": {"merge-duplicates", "ignore-duplicates"},
    "missing": {"default", "null"},
    "return": {"representation", "minimal", "headers-only"},
    "count": {"exact", "planned", "estimated"},
    "tx": {"commit", "rollback"},
    "handling": {"strict", "lenient"},
}
APPLIED_ORDER = ("resolution", "missing", "return", "count", "handling", "timezone", "max-affected")


@dataclass(frozen=True)
class Preferences:
    """The preferences that were understood, and the texts that were not."""

    known: dict[str, str]
    invalid: tuple[str, ...]

    def get(self, name: str) -> str | None:
        """Return the value of one preference."""
        return self.known.get(name)

    @property
    def is_strict(self) -> bool:
        """Tell whether handling=strict was asked for."""
        return self.known.get("handling") == "strict"

    @property
    def max_affected(self) -> int | None:
        """Return the limit of a guarded write; lenient requests have none."""
        value = self.known.get("max-affected")
        return int(value) if value is not None and self.is_strict else None

    def applied(self, *names: str) -> list[tuple[str, str]]:
        """Return the Preference-Applied header for the named preferences, if any was given."""
        given = [name for name in APPLIED_ORDER if name in names and name in self.known]
        if "max-affected" in given and not self.is_strict:
            given.remove("max-affected")
        text = ", ".join(f"{name}={self.known[name]}" for name in given)
        return [("Preference-Applied", text)] if text else []


def parse(header: str, timezones: Callable[[], frozenset[str]]) -> Preferences:
    """Read the header; handling=strict makes unknown preferences an error."""
    known: dict[str, str] = {}
    invalid = []
    for item in filter(None, (piece.strip() for piece in header.split(","))):
        name, _, value = item.partition("=")
        if is_valid(name, value, timezones):
            known.setdefault(name, value)
        else:
            invalid.append(item)
    preferences = Preferences(known, tuple(invalid))
    if preferences.is_strict and invalid:
        details = f"Invalid preferences: {', '.join(invalid)}"
        raise ApiError(400, "PGRST122", "Invalid preferences given with handling=strict", details)
    return preferences


def is_valid(name: str, value: str, timezones: Callable[[], frozenset[str]]) -> bool:
    """Tell whether a preference is one of ours."""
    if name == "timezone":
        return value in timezones()
    if name == "max-affected":
        return value.isdigit()
    return value in VALUES.get(name, ())
