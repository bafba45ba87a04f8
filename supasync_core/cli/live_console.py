"""A console for what moves on a terminal: what is printed meanwhile stays."""

from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import Progress, ProgressColumn


class LiveConsole(Console):
    """It writes each line together with the place that was computed for it.

    rich computes how far up the cursor goes, and writes that later. A refresh by another thread in between
    would move the cursor, too, and a line would be erased.
    """

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - those of rich
        super().__init__(**options)
        self.whole: AbstractContextManager[Any] = nullcontext()
        """The lock that every refresh holds; one may be taken by its holder again."""

    def __enter__(self) -> Self:
        """Begin to print; nobody else does until the end."""
        self.whole.__enter__()
        super().__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Write what was printed."""
        whole = self.whole
        try:
            super().__exit__(exc_type, exc_value, traceback)
        finally:
            whole.__exit__(exc_type, exc_value, traceback)


def progress_on(console: LiveConsole, *columns: str | ProgressColumn, redirect_stdout: bool) -> Progress:
    """A progress display on the console, which is gone at its end."""
    progress = Progress(*columns, console=console, transient=True, redirect_stdout=redirect_stdout)
    console.whole = progress.live._lock  # noqa: SLF001 - with a lock of our own, either could wait for the other
    return progress
