"""Who does work that is handed over: threads, or the one who hands it over."""

from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor


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
