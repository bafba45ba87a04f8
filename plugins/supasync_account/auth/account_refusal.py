"""What NEW says of an account that it refuses, without what it repeats of the row.

A row of an account holds a password's hash, and a trigger of the app may put any value into its message. So
nothing of a message of NEW is shown: what is shown is its SQLSTATE, and the names of columns.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from supasync_core.model.errors import RefusedError, RowError, SchemaError, SupasyncError

_STATE: Final = re.compile(r"\((?:\d{3} )?([0-9A-Z]{5})\b")
_MEANS: Final = {
    "23505": "another row there has the same value",
    "23503": "another row refers to it, or what it refers to is missing",
    "23514": "a check there does not hold",
    "P0001": "a trigger or function there raised an error",
    "42501": "the user of the connection string may not do this",
}


class StrangeAnswerError(SchemaError):
    """A project answered something else than was asked; nothing of the answer is in the message."""


@contextmanager
def no_values() -> Iterator[None]:
    """Errors of what is written inside tell no value of an account."""
    try:
        yield
    except StrangeAnswerError:
        raise
    except (RowError, SchemaError, RefusedError) as err:
        raise err.amended(message=_quiet(err)) from None


def _quiet(err: SupasyncError) -> str:
    found = _STATE.search(err.message)
    state = found[1] if found else "no SQLSTATE"
    columns = f", columns {', '.join(err.columns)}" if isinstance(err, RowError) and err.columns else ""
    means = f": {_MEANS[state]}" if state in _MEANS else ""
    return f"NEW refuses accounts ({state}{columns}){means}"
