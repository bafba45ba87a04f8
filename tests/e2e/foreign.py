"""Strategies as somebody else would write them: through the hooks and protocols alone."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from supasync_core import hookimpl
from supasync_core.api.pages import pages
from supasync_core.api.registration import Configured, Setting, TableContext
from supasync_core.api.registry import Registry
from supasync_core.api.strategy import Gone, Job, Piece, Strategy
from supasync_core.model.batch import Keyset, Span, Window
from supasync_core.model.state import TableState
from supasync_core.model.table import Shape, Table


class ByVersion(Strategy):
    """Rows by a whole number that each change raises, where one transaction at a time writes.

    The largest one that was read is the strategy's own state.
    """

    def __init__(self, context: TableContext) -> None:
        self.column = context.settings["column"]
        self.trash = context.settings.get("trash")
        self.log = context.settings.get("log", "")

    def problems(self, table: Table) -> list[str]:
        return []

    def unfit(self, table: Table, shape: Shape) -> list[str]:
        return []

    def unseen(self, table: Table) -> tuple[str, ...]:
        return ("deletes",)

    def keysets(self, table: Table) -> tuple[Keyset, ...]:
        return (Keyset(self.column),)

    def baseline(self, table: Table, timestamp: str) -> TableState:
        return TableState()

    def pending(self, job: Job) -> Window:
        return Window((self._span(job),), job.table.page_size, counted=True)

    def read(self, job: Job) -> Iterator[Piece]:
        state = job.state
        for page in pages(job.source, job.table, self._span(job)):
            version = int(page.rows[-1][self.column])
            state = replace(state, own={**state.own, "version": version})
            yield Piece(page, state)
        yield Piece(None, replace(state, read_at=job.now, extent=job.extent))

    def _span(self, job: Job) -> Span:
        known = job.state.own.get("version")
        return Span(Keyset(self.column), beyond=None if known is None else str(known))

    def deleted_by(self, table: Table) -> str | None:
        return self.trash


class Logged(ByVersion):
    """The same, of a table whose deletes are written into another table."""

    def deleted(self, job: Job) -> Iterator[Gone]:
        log, state = Table(name=self.log, key=("seq",)), job.state
        for page in pages(job.source, log, Span(Keyset("seq"), beyond=state.own.get("log"))):
            state = replace(state, own={**state.own, "log": page.rows[-1]["seq"]})
            yield Gone(tuple((row["id"],) for row in page.rows), state)


@hookimpl
def supasync_register_strategies(registry: "Registry[Callable[[], Strategy] | Configured[Strategy]]") -> None:
    """Add both; a trash and a log are for the tables that have them."""
    settings = {name: Setting(required=name == "column") for name in ("column", "trash", "log")}
    registry.add("by_version", Configured(ByVersion, settings))
    registry.add("logged", Configured(Logged, settings))
