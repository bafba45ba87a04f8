"""What to export of each table: from the state, as the next run would read it."""

from collections.abc import Mapping

from supasync_core.api.blind_spots import UPDATES, unseen
from supasync_core.api.journal import current
from supasync_core.api.plugin_host import Host
from supasync_core.api.strategy import Job
from supasync_core.api.table_plugins import strategy_of
from supasync_core.gap.csv.queries import Wanted
from supasync_core.gap.no_source import NoSource
from supasync_core.model import state_json
from supasync_core.model.errors import StateError
from supasync_core.model.row_key import has_row_key
from supasync_core.model.settings import Settings
from supasync_core.model.state import State
from supasync_core.model.table import Shape
from supasync_core.project.believed_state import believed
from supasync_core.project.migration import Migration
from supasync_core.project.present import TOLERANCE
from supasync_core.staging.staging_file import Staging

_EPOCH = "1970-01-01T00:00:00Z"


def wanted(settings: Settings, host: Host, known: State, shapes: Mapping[str, Shape]) -> list[Wanted]:
    """Of each table in import order: what lies behind its lower bounds, and quarantined rows."""
    found = []
    names = [table.name.casefold() for table in settings.tables]
    for table in settings.tables:
        if has_row_key(table):  # no query gives such a key
            continue
        job = Job(table, NoSource(), known.table(table.name), _EPOCH)
        window = strategy_of(host, table).pending(job)
        keys = tuple(row.key for row in known.quarantine.get(table.name, ()))
        shape = shapes.get(table.name, Shape(known=False))
        found.append(
            Wanted(
                table=table,
                spans=window.spans,
                keys=keys,
                shape=shape,
                language=settings.source.backend,
                alone=names.count(table.name.casefold()) == 1,
            )
        )
    return found


def unseen_updates(settings: Settings, host: Host) -> list[str]:
    """The tables whose queries lack the rows that were updated since they were copied."""
    return [each.name for each in settings.tables if UPDATES in unseen(strategy_of(host, each), each)]


def ask(migration: Migration, staging: Staging) -> tuple[State, dict[str, Shape]]:
    """State and columns from the sink, kept in the staging for a time without it."""
    stored = current(migration.store.past(1), migration.source_ref)
    known, _ = believed(stored, migration.settings.tables, migration.now() + TOLERANCE)
    shapes = {table.name: migration.sink.shape(table) for table in migration.settings.tables}
    staging.remember("state", state_json.to_json(known))
    for name, shape in shapes.items():
        staging.remember_shape(name, shape)
    return known, shapes


def remembered(settings: Settings, staging: Staging) -> tuple[State, dict[str, Shape]]:
    """The same from the staging: nobody is asked. StateError where nothing was kept yet."""
    stored = staging.recall("state")
    if stored is None:
        raise StateError(
            "the staging has no cursors yet",
            hint="run supasync gap sql once without --offline while NEW answers",
        )
    shapes = {table.name: shape for table in settings.tables if (shape := staging.recall_shape(table.name))}
    return state_json.from_json(stored), shapes
