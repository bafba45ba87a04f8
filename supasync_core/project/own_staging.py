"""The staging of a run: whatever fails there is told as the staging's, and the run goes on to its end."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any, cast

from supasync_core.api.history import Evidence
from supasync_core.api.plugin_host import Host
from supasync_core.model.errors import LockedError, TableError, TransientError
from supasync_core.model.settings import Settings
from supasync_core.project.migration import opened_staging
from supasync_core.system.faults import understood

_HINT = "make room on its disk, or move the staging away: the next run begins an empty one"


class StagingError(TableError):
    """The staging does not answer; rows that were copied are in the sink all the same.

    Where another process has it open, that passes.
    """

    def __init__(self, err: Exception) -> None:
        known = understood(err, "the staging")
        super().__init__(str(known), hint=known.hint or _HINT)
        if isinstance(err, LockedError):
            self.exit_code = TransientError.exit_code


@contextmanager
def own_staging(settings: Settings, host: Host) -> Iterator[Evidence | None]:
    """This machine's staging, None where there is none; StagingError for all that goes wrong with it."""
    with ExitStack() as stack:
        with _blamed():
            staging = stack.enter_context(opened_staging(settings, host))
        yield None if staging is None else cast("Evidence", _Staged(staging))
        with _blamed():
            stack.close()


class _Staged:
    """A staging, with its errors translated; every method of `Evidence` that gives no rows."""

    def __init__(self, staging: Evidence) -> None:
        self._staging = staging

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method: Callable[..., Any] = getattr(self._staging, name)

        @wraps(method)
        def call(*args: Any, **options: Any) -> Any:  # noqa: ANN401 - whatever the method takes
            with _blamed():
                return method(*args, **options)

        return call


@contextmanager
def _blamed() -> Iterator[None]:
    try:
        yield
    except Exception as err:
        raise StagingError(err) from err
