"""The staging of a run: whatever fails there is told as the staging's, and the run continues to its end."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, cast

from supasync_core.model.errors import LockedError, TableError, TransientError
from supasync_core.model.settings import Settings
from supasync_core.system.faults import explain

if TYPE_CHECKING:
    from supasync_core.staging.staging_file import Staging

_HINT = "make room on its disk, or move the staging away: the next run begins an empty one"


class StagingError(TableError):
    """The staging does not answer; rows that were copied are in the sink all the same.

    Where another process has it open, that passes.
    """

    def __init__(self, err: Exception) -> None:
        known = explain(err, "the staging")
        super().__init__(str(known), hint=known.hint or _HINT)
        if isinstance(err, LockedError):
            self.exit_code = TransientError.exit_code


@contextmanager
def own_staging(settings: Settings) -> "Iterator[Staging]":
    """This machine's staging; StagingError for all that goes wrong with it."""
    from supasync_core.staging.staging_file import Staging  # noqa: PLC0415 - DuckDB is large

    with ExitStack() as stack:
        with _as_staging_errors():
            staging = stack.enter_context(closing(Staging(settings.staging)))
        yield cast("Staging", _Staged(staging))
        with _as_staging_errors():
            stack.close()


class _Staged:
    """A staging, with its errors translated; every method of `Staging` that gives no rows."""

    def __init__(self, staging: "Staging") -> None:
        self._staging = staging

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method: Callable[..., Any] = getattr(self._staging, name)

        @wraps(method)
        def call(*args: Any, **options: Any) -> Any:  # noqa: ANN401 - whatever the method takes
            with _as_staging_errors():
                return method(*args, **options)

        return call


@contextmanager
def _as_staging_errors() -> Iterator[None]:
    try:
        yield
    except Exception as err:
        raise StagingError(err) from err
