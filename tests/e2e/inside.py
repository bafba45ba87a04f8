"""The same sync without a process of its own: for tests that need very many of them."""

from supasync_core import config
from supasync_core.api.plugin_host import Host
from supasync_core.model.report import Report, TableResult
from supasync_core.model.table import Table
from supasync_core.project.migration import opened
from supasync_core.project.run_options import RunOptions
from supasync_core.sync import runner
from tests.e2e.workspace import ENDS, Workspace


class Unwatched:
    """Nobody looks on."""

    def table_begins(self, table: Table) -> None:
        """Say nothing."""

    def rows_confirmed(self, table: Table, done: int, total: int) -> None:
        """Say nothing."""

    def table_ended(self, result: TableResult) -> None:
        """Say nothing."""


def sync(space: Workspace, tables: str) -> Report:
    """Run the tables of this part of tables.yaml from their beginning."""
    space.write("inside.yaml", f"{ENDS}tables:\n{tables}\n")
    host = Host()
    host.load_installed()
    settings = config.load(space.folder / "inside.yaml", {}, host)
    names = frozenset(table.name for table in settings.tables)
    with opened(settings, host) as project:
        plan = RunOptions(holder="tests", tables=settings.tables, full=names)
        return runner.sync(project, plan, Unwatched())
