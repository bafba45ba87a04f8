"""What a plugin registers so that a backend can be opened: its settings, and how they are read.

It imports next to nothing, since every start of supasync asks every plugin what it brings.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Generic, TypeVar

from supasync_core.model.cost import Ledger

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting of a backend. ``check`` returns what is wrong with a value, or None.

    A secret may only be given as ``${NAME}``, and never appears in any output.
    """

    required: bool = True
    secret: bool = False
    check: Callable[[str], str | None] = lambda _value: None


@dataclass
class Fence:
    """Lets a sink write as long as the lease lasts; open where nobody holds one, as for a file.

    A sink asks before every request that changes rows, the repeated ones too: the lease may have ended while
    it waited, and another run has written newer rows since.
    """

    ask: Callable[[], None] = lambda: None
    """LockedError where nothing may be written any more."""
    lost: Callable[[], None] = lambda: None
    """To be called where the answer to a write was lost, so that it may yet take effect."""
    run: str | None = None
    """The run that holds the lease, for a sink that can refuse by itself what comes after it."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a backend is opened with: its settings, the folder of tables.yaml, and where costs are counted.

    ``project`` is ``OLD`` or ``NEW``, for messages and the ledger. A sink asks ``fence`` before it writes. It
    calls ``note`` with what a person should know of how rows were written, such as a column that was left
    out; the same sentence is shown once.
    """

    settings: Mapping[str, str]
    folder: Path
    ledger: Ledger
    project: str
    fence: Fence = field(default_factory=Fence)
    note: Callable[[str], None] = lambda _sentence: None


def imported(module: str, name: str) -> Callable[..., Any]:
    """A function that calls ``name`` of a module, which is imported at the first call: it may be slow to."""

    def call(*arguments: object) -> Any:  # noqa: ANN401 - what the plugin's class is
        return getattr(import_module(module), name)(*arguments)

    return call


@dataclass(frozen=True, slots=True)
class Backend(Generic[T_co]):
    """A backend as a plugin registers it.

    ``ref`` names the project that the settings point to, equal for every spelling of the same one; it is
    stored and printed, so it holds no key. ``parallel`` says that several threads may use what is opened at
    once; else it is called by one at a time.
    """

    name: str
    open: Callable[[Context], T_co]
    settings: Mapping[str, Setting]
    ref: Callable[[Context], str]
    parallel: bool = False
