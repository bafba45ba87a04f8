"""What a person sees while requests are sent again: a line for each wait, or for several at once."""

import time
from threading import Lock

from supasync_core.api.retries import Wait
from supasync_core.cli.streams import remark
from supasync_core.model.printable import visible


class Waits:
    """Prints each wait, above the bars where there are some."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._lock = Lock()

    def __call__(self, wait: Wait) -> None:
        """Print it, unless one that was printed in the same words still lasts."""
        now = time.monotonic()
        with self._lock:
            if now < self._until.get(wait.what, now):
                return
            self._until[wait.what] = now + wait.seconds
        remark(visible(wait.sentence))
