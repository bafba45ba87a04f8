"""How long a command that only looks may list: a server could go on showing pages without an end."""

import time
from collections.abc import Callable
from functools import cache, partial

from supasync_core.model import timestamps
from supasync_core.project.migration import Migration
from supasync_core.usage.meter import metered_step


def within_limits(migration: Migration) -> Callable[[], bool]:
    """Whether max_runtime is not over yet, from now on; asked, it raises BudgetError as a run does."""
    until = time.monotonic() + migration.settings.max_runtime.total_seconds()
    asked = cache(partial(metered_step, migration, timestamps.now()))

    def go_on() -> bool:
        if meter := asked():
            meter.check()
        return time.monotonic() < until

    return go_on
