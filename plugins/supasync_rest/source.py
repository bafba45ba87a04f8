"""A project that rows come from: nothing but GET and HEAD ever goes there."""

from supasync_core.backend import Context
from supasync_core.clock import Horizon
from supasync_rest.client import Client
from supasync_rest.paging import RestPages
from supasync_rest.retry import Patience


class RestSource(RestPages):
    """Only ever read."""

    def __init__(self, context: Context, patience: Patience | None = None) -> None:
        super().__init__(Client(context, ("GET", "HEAD"), patience))

    def horizon(self) -> Horizon | None:
        """The Date of the latest answer; not trusted where a cache may have kept it (``Age``)."""
        return self._client.horizon
