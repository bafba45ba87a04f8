"""Tables side by side: so many at once, each one after those that it comes after."""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait

from supasync_core.model.table import Table
from supasync_core.system.executors import executor


def run_in_dependency_order(
    tables: Sequence[Table], workers: int, work: Callable[[Table], None], stop: Callable[[], None]
) -> None:
    """Work on all tables, in their order as far as there are workers, parents before their children.

    What a table raises ends it all: ``stop`` is called, those under way are waited for, the first error is
    raised. A KeyboardInterrupt does not wait.
    """
    pool = executor(workers, "table")
    waiting = list(tables)
    running: dict[Future[None], Table] = {}
    failed: BaseException | None = None
    try:
        while running or (waiting and not failed):
            unfinished = {table.name for table in (*waiting, *running.values())}
            free = [table for table in waiting if unfinished.isdisjoint(table.depends_on)]
            for table in [] if failed else free[: workers - len(running)]:
                waiting.remove(table)
                running[pool.submit(work, table)] = table
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                del running[done]
                error = done.exception()
                if error and not failed:
                    failed = error
                    stop()
    except BaseException:
        stop()
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()
    if failed:
        raise failed
