"""What may be read of OLD's objects in one run: asked before each download, also one that is a repeat.

What is under way counts whole until it ends, then as it travelled. So a budget is exceeded by no more than
one piece of reading for each worker, and what its connection holds when an answer is refused by its length.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock

import httpx

from supasync_account.storage.storage_client import StorageClient
from supasync_core.model.errors import SupasyncError


class LeftError(SupasyncError):
    """``max_per_run`` has no room for an object of this size: a later run reads it."""

    def __init__(self, name: str, size: int) -> None:
        super().__init__(f"{name}: left for a later run by max_per_run")
        self.size = size


@dataclass
class ReadAllowance:
    """One for all workers of a run. ``afford`` raises BudgetError where there is no room for so many bytes.

    An object that is larger than ``most`` is read alone, in a run that reads nothing else.
    """

    afford: Callable[[int], None] = lambda _bytes: None
    most: int | None = None
    lock: Lock = field(default_factory=Lock)
    reserved: int = 0
    """Bytes that objects under way may still read."""
    travelled: int = 0

    def begin(self, name: str, size: int) -> "Share":
        """Reserve an object's bytes; LeftError or BudgetError where there is no room for them."""
        share = Share(self, name)
        share.ask(size)
        return share


@dataclass
class Share:
    """What one object may read; whatever it reads more is asked for first."""

    allowance: ReadAllowance
    name: str
    held: int = 0

    def ask(self, size: int) -> None:
        """Make sure that so many bytes may be read now; LeftError or BudgetError where not."""
        self._reserve(size, self.allowance.most)

    def ask_again(self, size: int) -> None:
        """Make sure that so many bytes may be read, beyond ``max_per_run`` too; BudgetError where not.

        They prove what came before: to leave them for a later run would be to read both in each run.
        """
        self._reserve(size, None)

    def _reserve(self, size: int, most: int | None) -> None:
        of, more = self.allowance, size - self.held
        if more <= 0:
            return
        with of.lock:
            so_far = of.travelled + of.reserved
            if most is not None and so_far > 0 and so_far + more > most:
                raise LeftError(self.name, size)
            of.afford(of.reserved + more)
            of.reserved += more
        self.held += more

    @contextmanager
    def stream(
        self, client: StorageClient, path: str, size: int, headers: Mapping[str, str] | None = None
    ) -> Iterator[httpx.Response]:
        """The client's stream of so many bytes at most, once they may be read."""
        self.ask(size)
        with client.stream(path, size, headers, settled=self._settle) as response:
            yield response

    def end(self) -> None:
        """Give back what was not read."""
        with self.allowance.lock:
            self.allowance.reserved -= self.held
        self.held = 0

    def _settle(self, travelled: int, count: Callable[[], None]) -> None:
        with self.allowance.lock:  # nobody asks between what is counted and what is given back
            count()
            read = min(travelled, self.held)
            self.held -= read
            self.allowance.reserved -= read
            self.allowance.travelled += travelled
