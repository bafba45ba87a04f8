"""The source while the gap is carried over: it is not there, and nothing is asked of it."""

from typing import NoReturn

from supasync_core.api.backend import Source
from supasync_core.model.errors import RefusedError
from supasync_core.model.table import Table


class NoSource(Source):
    """Refuses every question."""

    def _refused(self, table: Table, *_args: object, **_options: object) -> NoReturn:
        raise table.error(RefusedError, "OLD is not read while the last gap is imported")

    shape = count = rows = read = _refused
