"""A strategy with defaults."""

from abc import abstractmethod
from collections.abc import Iterator

from supasync_core.api.blind_spots import DELETES, UPDATES
from supasync_core.api.strategy import Job, Piece, Strategy
from supasync_core.model.batch import Keyset, Window
from supasync_core.model.state import TableState
from supasync_core.model.table import Shape, Table


class BaseStrategy(Strategy):
    """A strategy with defaults: a subclass says `keysets`, `pending` and `read`."""

    def problems(self, table: Table) -> list[str]:
        """None: no setting of a table is wrong for it."""
        return []

    def unfit(self, table: Table, shape: Shape) -> list[str]:
        """None: any column can be read this way."""
        return []

    def unseen(self, table: Table) -> tuple[str, ...]:
        """Deletes and updates: what is not known to be seen is not claimed."""
        return DELETES, UPDATES

    @abstractmethod
    def keysets(self, table: Table) -> tuple[Keyset, ...]:
        """The orders in which the table is read; together they hold every row."""

    @abstractmethod
    def pending(self, job: Job) -> Window:
        """What the next run would read first."""

    @abstractmethod
    def read(self, job: Job) -> Iterator[Piece]:
        """Read the table; every piece's state is safe to keep once its batch is confirmed."""

    def baseline(self, table: Table, timestamp: str) -> TableState:
        """From the beginning: rows that are there already are written again, unchanged."""
        return TableState()
