"""A project that rows come from: nothing but GET and HEAD ever goes there."""

from collections.abc import Sequence

from supasync_core.backend import Remark, Survey
from supasync_core.clock import Horizon
from supasync_core.opening import Context
from supasync_core.tables import Table
from supasync_rest.children import Children
from supasync_rest.client import Client
from supasync_rest.paging import RestPages
from supasync_rest.retry import Patience
from supasync_rest.surveying import Asked, survey


class RestSource(RestPages):
    """Only ever read."""

    def __init__(self, context: Context, patience: Patience | None = None) -> None:
        super().__init__(Client(context, ("GET", "HEAD"), patience))
        self._surveyed = context.settings.get("horizon") == "true"
        self._bytes: int | None = None

    def horizon(self) -> Horizon | None:
        """The Date of the latest answer; not trusted where a cache may have kept it (``Age``)."""
        return self._client.horizon

    def remarks(self, tables: Sequence[Table]) -> Sequence[Remark]:
        """Child tables, as far as the API shows whose rows a table has."""
        return Children(self).remarks(tables)

    def survey(self, asked: Asked) -> Survey | None:
        """What ``supasync_horizon`` tells; nothing is asked unless ``horizon: true`` says it is there."""
        if not self._surveyed:
            return None
        found, self._bytes = survey(self._client, asked)
        return found

    def database_bytes(self) -> int | None:
        """As the last survey told it."""
        return self._bytes
