"""What the switch to a kind of project needs, and the person who is asked."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from supasync_core.model.cost import Ledger
from supasync_core.model.settings import Endpoint
from supasync_core.model.table import Table


@dataclass(frozen=True, slots=True)
class Line:
    """A variable of a .env: its name, its value as it is written, the line where it begins."""

    name: str
    value: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """Both projects as tables.yaml names them; ``environment`` holds variables that it does not name."""

    source: Endpoint
    sink: Endpoint
    environment: Mapping[str, str]
    folder: Path
    ledger: Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """What an app's variables name.

    ``wanted``: those that have to name the sink, with the value each must have. ``switched``: its address is
    the sink's already. ``left``: sentences on variables that name the source and cannot be changed here.
    ``problems``: sentences on what forbids the change.
    """

    wanted: Mapping[str, str] = field(default_factory=dict)
    switched: bool = False
    left: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Something that must hold in the sink before the app writes to it.

    ``holds`` is None where it cannot be seen from here. ``how`` says by what it was looked at. ``sql`` is
    what makes it hold.
    """

    name: str
    holds: bool | None
    text: str
    how: str
    hint: str | None = None
    sql: str | None = None


@dataclass(frozen=True, slots=True)
class ManualStep:
    """A step by hand: what to do, and the commands for it, ready to be pasted."""

    text: str
    commands: tuple[str, ...] = ()


class Switch(Protocol):
    """What the switch to a project of this kind needs beyond its rows; it writes nothing."""

    conditions: Mapping[str, str]
    """The conditions that `look` checks, by name, each with the sentence of what must hold."""

    def naming(self, lines: Sequence[Line]) -> Naming:
        """What these variables of an app name."""
        ...

    def try_keys(self) -> Iterator[Condition]:
        """Whether each key that the app gets opens the sink: a request each."""
        ...

    def look(self, tables: Sequence[Table]) -> Iterator[Condition]:
        """What must hold beyond rows, such as sequences beyond the largest key."""
        ...

    def manual_steps(self) -> Sequence[ManualStep]:
        """What is left to a person."""
        ...

    def close(self) -> None:
        """Close connections."""
        ...


class Person(Protocol):
    """Who is at the keyboard, or a script that has agreed beforehand."""

    @property
    def scripted(self) -> bool:
        """Whether it is a script."""
        ...

    def confirm(self, question: str) -> bool:
        """The answer to a question; a script's is yes."""
        ...

    def say(self, text: str) -> None:
        """A line about what happens now."""
        ...

    def sleep(self, seconds: float, why: str) -> None:
        """Wait that long."""
        ...
