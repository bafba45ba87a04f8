"""References of a .env's variables to each other, as ``${DB_HOST}``: dotenv and its like expand them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from supasync_core.api.switch import Line

REFERENCE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::?-([^}]*))?\}")
"""Of another variable of the file, with or without a value for where it has none."""
_LONGEST: Final = 100_000
"""Characters of an expanded value; a longer one names no project, and stays as it is written."""


def expanded(lines: Sequence[Line]) -> dict[str, Line]:
    """By name the variables in force, the last of each name, with each reference to another one followed."""
    return _Expansion({line.name: line for line in lines}).lines()


@dataclass
class _Expansion:
    written: Mapping[str, Line]
    led_to: dict[str, str] = field(default_factory=dict)
    """Each variable that others refer to is expanded once."""

    def lines(self) -> dict[str, Line]:
        return {
            name: replace(line, value=self._value(line.value, frozenset({name})))
            for name, line in self.written.items()
        }

    def _value(self, value: str, seen: frozenset[str]) -> str:
        """The value with its references replaced; one that leads to nothing, or to itself, stays."""

        def other(found: re.Match[str]) -> str:
            line = self.written.get(found[1])
            if found[1] in seen or (line is None and found[2] is None):
                return found[0]
            if not line or not line.value:
                return found[2] or ""
            if line.name not in self.led_to:
                self.led_to[line.name] = self._value(line.value, seen | {line.name})
            return self.led_to[line.name]

        followed = REFERENCE.sub(other, value)
        return followed if len(followed) <= _LONGEST else value
