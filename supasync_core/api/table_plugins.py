"""What plugins make for a table: its strategy and its transforms, with the settings of tables.yaml.

Each is made once in a process, so that what a transform holds stays with its table.
"""

from collections.abc import Callable, Mapping
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

from supasync_core.api.plugin_fault import Plugin, PluginFault, attempt
from supasync_core.api.plugin_host import Host
from supasync_core.api.registration import Configured, TableContext, made_flaw
from supasync_core.api.registry import Registry
from supasync_core.model.errors import PluginError, SupasyncError, TableError
from supasync_core.model.table import Table

if TYPE_CHECKING:
    from supasync_core.api.backend import Source
    from supasync_core.api.strategy import Strategy
    from supasync_core.model.transform import Transform

_making = Lock()


def strategy_of(host: Host, table: Table) -> "Strategy":
    """The way this table is read; TableError where it cannot be made with the table's settings."""
    strategy = host.strategies.get(table.strategy)
    if not isinstance(strategy, Configured):
        return _checked(table, strategy())
    context = TableContext(table.strategy_settings, host.folder, table, lambda: _columns(table, None))
    made: Strategy = _made(host, host.strategies, table.strategy, strategy, context)
    return _checked(table, made)


def _checked(table: Table, made: "Strategy") -> "Strategy":
    if flaw := made_flaw("strategy", made):
        raise PluginError(f"the strategy {table.strategy} makes no strategy: {flaw}")
    return made


def transforms_of(
    host: Host,
    table: Table,
    source: "Source | None" = None,
    address: Callable[[str], str | None] = lambda _project: None,
    referred: Callable[[], Mapping[str, tuple[Table, str]]] = dict,
) -> "list[tuple[str, Transform]]":
    """The table's transforms by name, in their order; TableError where one cannot be made.

    Without a ``source`` they get no columns but those that tables.yaml names. ``address`` is that of OLD's or
    NEW's API, ``referred`` what the table's columns refer to.
    """
    found: list[tuple[str, Transform]] = []
    for name in table.transform:
        transform = host.transforms.get(name)
        if isinstance(transform, Configured):
            settings = table.transform_settings.get(name, {})
            columns = partial(_columns, table, source)
            context = TableContext(settings, host.folder, table, columns, address, referred)
            transform = _made(host, host.transforms, name, transform, context)
        found.append((name, transform))
    return found


def transform_factories(host: Host, table: Table) -> "dict[str, Transform | Callable[[TableContext], Any]]":
    """By name what decides what each transform of the table does, beside its settings: its code."""
    registered = {name: host.transforms.get(name) for name in table.transform}
    return {name: each.make if isinstance(each, Configured) else each for name, each in registered.items()}


def _made(
    host: Host, registry: Registry[Any], name: str, part: Configured[Any], context: TableContext
) -> Any:  # noqa: ANN401 - what a plugin makes
    key = (f"{registry.kind} {name}", context.table.name)
    with _making:
        known = host.made.get(key)
        if known is None or known[0] != (part, context.settings):
            made = _make(host.owner(registry, name), key[0], part, context)
            known = host.made[key] = ((part, context.settings), made)
        return known[1]


def _make(plugin: Plugin, what: str, part: Configured[Any], context: TableContext) -> object:
    secret = any(setting.secret for setting in part.settings.values())  # a message may repeat a value
    made = attempt(
        plugin,
        f"cannot make the {what}",
        partial(part.make, context),
        shows_message=not secret,
        passes=(SupasyncError,),
    )
    if not isinstance(made, PluginFault):
        return made
    raise context.table.error(
        TableError, f"{made.sentence}", hint="correct its settings in tables.yaml, or the plugin"
    ) from made.error


def _columns(table: Table, source: "Source | None") -> tuple[str, ...]:
    if table.columns:
        return table.columns
    if source is None:  # what a transform does must not depend on whether OLD can be asked
        raise table.error(
            TableError, "OLD's columns are not known here", hint="list them in tables.yaml: columns: [...]"
        )
    names = (column.name for column in source.shape(table).columns)
    return tuple(name for name in names if name not in table.exclude)
