"""Who may read pages of a source at once."""

from concurrent.futures import Executor
from dataclasses import dataclass, field

from supasync_core.system.executors import Inline


@dataclass(frozen=True, slots=True)
class Readers:
    """So many pages may be asked for at once, of all tables together, in threads of the ``pool``.

    One reader needs no thread: it reads a page where that is asked for.
    """

    count: int = 1
    pool: Executor = field(default_factory=Inline)
