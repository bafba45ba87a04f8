"""How many examples a property is tried with."""

import os

from hypothesis import settings

TIMES = 10 if "SUPASYNC_TEST_RANDOM" in os.environ else 1
"""`make explore` takes its time."""


def few(number: int, **more: object) -> settings:
    """So many examples of a property whose examples cost files or servers; ten times as many to explore."""
    return settings(max_examples=number * TIMES, deadline=None, **more)  # type: ignore[arg-type]
