"""What a plugin registers so that a backend can be opened: its settings, and how they are read.

It imports next to nothing, since every start of supasync asks every plugin what it brings.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from supasync_core.model.cost import Ledger
from supasync_core.system.files import name_of
from supasync_core.system.links import real

if TYPE_CHECKING:
    from supasync_core.model.table import Table

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_READ: Final = ("shape", "count", "read", "rows", "close")
REQUIRED: Final = {
    "source backend": _READ,
    "sink backend": (*_READ, "upsert", "delete"),
    "state store": ("begin", "save", "past", "close"),
    "strategy": ("problems", "unfit", "keysets", "pending", "read", "baseline"),
}
"""By the kind of what is registered, the methods of what it makes: those of its protocol."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting of what a plugin registers. ``check`` returns what is wrong with a value, or None.

    A secret may only be given as ``${NAME}``, and never appears in any output. ``hidden`` returns the secret
    parts of a value that may also have none, such as the password of an address: with any, it is a secret.
    ``several``: a list may be given as well, and settings of texts, ``{name: text}``. The value then has a
    line each, ``name: text`` for the latter.
    """

    required: bool = True
    secret: bool = False
    several: bool = False
    check: Callable[[str], str | None] = lambda _value: None
    hidden: Callable[[str], Sequence[str]] = lambda _value: ()


@dataclass
class Fence:
    """Lets a sink write as long as the lease lasts; always, if nobody holds one, as for a file.

    A sink asks before every request that changes rows, repeated ones too: while it waited, the lease may have
    ended and another run may have written newer rows.
    """

    ask: Callable[[], None] = lambda: None
    """Raises LockedError if nothing may be written any more."""
    lost: Callable[[], None] = lambda: None
    """To be called if the answer to a write was lost, so that the write may still take effect."""
    run: str | None = None
    """The run that holds the lease, for a sink that can itself refuse later writes of another run."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a backend is opened with: its settings, the folder of tables.yaml, and where costs are counted.

    ``project`` is ``OLD`` or ``NEW``, for messages and the ledger. A sink asks ``fence`` before it writes. It
    calls ``note`` with what a person should know of how rows were written, such as a column that was left
    out; the same sentence is shown once. ``tables`` are schema and name of all that tables.yaml declares,
    where it is what is opened: a backend may look them up at once. A sink and its state store are opened with
    one context: what one of them puts into ``shared``, such as its connections, the other may use.
    """

    settings: Mapping[str, str]
    folder: Path
    ledger: Ledger
    project: str
    fence: Fence = field(default_factory=Fence)
    note: Callable[[str], None] = lambda _sentence: None
    tables: Sequence[tuple[str, str]] = ()
    shared: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)


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
    once; otherwise one thread at a time does. ``place`` is where it keeps a table, where not every table of a
    project has one of its own. ``sql``: what it opens is `SqlSpeaking`, and its settings are ``url``, a
    connection string, and ``project``, the address of the project whose database that must be. ``types``: the
    name under which several backends name column types and print values alike; by default it has its own.
    """

    name: str
    open: Callable[[Context], T_co]
    settings: Mapping[str, Setting]
    ref: Callable[[Context], str]
    parallel: bool = False
    place: "Callable[[Table], str] | None" = None
    sql: bool = False
    types: str | None = None


@dataclass(frozen=True, slots=True)
class TableContext:
    """What a transform or a strategy is made with for one table: its settings, the folder of tables.yaml.

    ``table`` is the table as tables.yaml declares it. ``columns`` returns the names that its rows have in
    OLD, none if OLD does not list them. It asks OLD when it is called, and raises TableError where OLD gets
    no request: while files are compared or imported, and for a strategy, which is made before.
    ``referred`` returns, by column that refers to another one of tables.yaml, the table and the column at the
    end of its foreign keys, as far as OLD, NEW or the state tells them; it asks these, and returns none for a
    strategy.
    ``address("OLD")`` is the address of its API, without a path; None where nothing names it, and for a
    strategy.
    """

    settings: Mapping[str, str]
    folder: Path
    table: "Table"
    columns: Callable[[], tuple[str, ...]] = tuple
    address: Callable[[str], str | None] = lambda _project: None
    referred: Callable[[], "Mapping[str, tuple[Table, str]]"] = dict


@dataclass(frozen=True, slots=True)
class Configured(Generic[T_co]):
    """A transform or a strategy that has settings in tables.yaml, or that wants to know its table.

    ``make`` is called with a `TableContext`, at most once for each table in a process. Where it raises, the
    table stops with that message. A secret setting reaches it in ``context.settings`` alone.
    """

    make: Callable[[TableContext], T_co]
    settings: Mapping[str, Setting] = field(default_factory=dict)


def path_backend(
    name: str,
    opened: Callable[..., T],
    *,
    fenced: bool = False,
    place: "Callable[[Table], str] | None" = None,
) -> Backend[T]:
    """A backend whose only setting is ``path``, a file or folder relative to that of tables.yaml.

    ``opened`` is called with the path, and a sink's with the fence as well.
    """

    def path(context: Context) -> Path:
        return context.folder / Path(context.settings["path"]).expanduser()

    return Backend(
        name,
        lambda context: opened(real(path(context)), *([context.fence] if fenced else [])),
        {"path": Setting()},
        lambda context: f"{name}:{name_of(path(context).resolve())}",
        place=place,
    )


def backend_flaw(thing: object) -> str | None:
    """Why this is not a backend that can be opened; None for a sound one."""
    if not isinstance(thing, Backend):
        return f"must be a Backend(...) from supasync_core.api.registration, not {described(thing)}"
    for name in ("open", "ref"):
        if not callable(getattr(thing, name)):
            return f"its {name} must be a function, not {described(getattr(thing, name))}"
    if thing.place is not None and not callable(thing.place):
        return f"its place must be a function or None, not {described(thing.place)}"
    return settings_flaw(thing.settings)


def settings_flaw(settings: object) -> str | None:
    """Why these are not settings by their names; None for sound ones."""
    if not isinstance(settings, Mapping):
        return f'its settings must be a mapping such as {{"path": Setting()}}, not {described(settings)}'
    for name, setting in settings.items():
        if not isinstance(name, str) or not isinstance(setting, Setting):
            return f"its setting {name} must be a Setting(...), not {described(setting)}"
        if not callable(setting.check):
            return f"the check of its setting {name} must be a function, not {described(setting.check)}"
        if getattr(setting.check, "__annotations__", {}).get("return") in (bool, "bool"):
            return f"the check of its setting {name} returns a bool, not what is wrong as a text, or None"
    return None


def strategy_flaw(thing: object) -> str | None:
    """Why this cannot make a strategy; None for a sound one."""
    if isinstance(thing, Configured):
        return _configured_flaw(thing)
    if not callable(thing):
        return f"must be a class, or a function that returns a Strategy, not {described(thing)}"
    return made_flaw("strategy", thing) if isinstance(thing, type) else None


def made_flaw(kind: str, thing: object) -> str | None:
    """Why this is not what a backend opens, or what a strategy's class makes; None for a sound one."""
    lacking = [name for name in REQUIRED[kind] if not callable(getattr(thing, name, None))]
    return f"{described(thing)} has no {', no '.join(lacking)}" if lacking else None


def transform_flaw(thing: object) -> str | None:
    """Why this is not a transform; None for a sound one."""
    return _configured_flaw(thing) if isinstance(thing, Configured) else function_flaw(thing)


def _configured_flaw(thing: "Configured[Any]") -> str | None:
    if not callable(thing.make):
        return f"its make must be a function, not {described(thing.make)}"
    return settings_flaw(thing.settings)


def function_flaw(thing: object) -> str | None:
    """Why this cannot be called; None for what can."""
    return None if callable(thing) else f"must be a function, not {described(thing)}"


def described(thing: object) -> str:
    """A value of the wrong kind in words, without what it says."""
    if isinstance(thing, type):
        return f"the class {thing.__name__}"
    return repr(thing) if thing in (None, True, False) else f"a value of type {type(thing).__name__}"
