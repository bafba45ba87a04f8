"""Tables side by side: so many at once, each one after those that it comes after."""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait

from supasync_core.model.table import Table


class Inline(Executor):
    """Does the work where it is handed over: for one worker, who needs no thread."""

    def submit(self, work: Callable[..., object], /, *args: object, **kwargs: object) -> Future[object]:  # type: ignore[override]
        """A future that is done; what is not an Exception, such as Ctrl-C, is raised."""
        done: Future[object] = Future()
        try:
            done.set_result(work(*args, **kwargs))
        except Exception as err:  # noqa: BLE001 - kept for whoever asks for the result
            done.set_exception(err)
        return done


def executor(workers: int, name: str) -> Executor:
    """So many threads, or none for a single worker."""
    return ThreadPoolExecutor(workers, thread_name_prefix=name) if workers > 1 else Inline()


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
