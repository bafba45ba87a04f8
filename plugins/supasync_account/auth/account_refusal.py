"""What NEW says of an account that it refuses, without what it repeats of the row.

A row of an account holds a password's hash, and a trigger of the app may put any value into its message, its
details and its SQLSTATE's words. So nothing of a message of NEW is shown, under whatever SQLSTATE: what is
shown is our own sentence, the SQLSTATE, and the names of columns.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from supasync_account.auth.account_queries import RECORDS
from supasync_core.model.errors import (
    BatchTooLargeError,
    NoFunctionError,
    RowError,
    SchemaError,
    TableError,
    TransientError,
)

_STATE: Final = re.compile(r"\((?:\d{3} )?([0-9A-Z]{5})\b")
_COLUMN: Final = re.compile("[a-z][a-z_]*")
"""What a name of a column of Auth is made of."""
_MEANS: Final = {
    "23505": "another row there has the same value",
    "23503": "another row refers to it, or what it refers to is missing",
    "23514": "a check there does not hold",
    "P0001": "a trigger or function there raised an error",
    "42501": "the user of the connection string may not do this",
}
_NULL: Final = "23502"
_HARMFUL: Final = (
    "NEW would have an account that Auth cannot read or show, such as one without a role: OLD did not say "
    "so, or a trigger of NEW makes it"
)
_NOT_OF_ROWS: Final = ("unreachable", "budget")
"""Reasons of errors that no statement has met."""
_LOOK: Final = "supasync auth check says what is in the way"


class StrangeAnswerError(SchemaError):
    """A project answered something else than was asked; nothing of the answer is in the message."""


@contextmanager
def no_values() -> Iterator[None]:
    """Errors of what is written inside tell no value of an account."""
    try:
        yield
    except StrangeAnswerError:
        raise
    except TableError as err:
        if err.reason in _NOT_OF_ROWS:
            raise
        raise _quiet(err) from None


def _quiet(err: TableError) -> TableError:
    """The same error, of which nobody but supasync has chosen a word."""
    found = _STATE.search(err.message)
    if isinstance(err, BatchTooLargeError):
        return err.amended(message=_beginning(err, found), error=_quiet(err.error))
    if isinstance(err, TransientError) or err.reason:
        return err.amended(message=_beginning(err, found))
    state = found[1] if found else "no SQLSTATE"
    if state == _NULL and RECORDS.partition(".")[2] in err.message:  # see `account_marks.sound`
        return err.amended(message=_HARMFUL)
    names = [each for each in err.columns if _COLUMN.fullmatch(each)] if isinstance(err, RowError) else []
    columns = f", columns {', '.join(names)}" if names else ""
    means = f": {_MEANS[state]}" if state in _MEANS else ""
    hint = err.hint if isinstance(err, RowError | NoFunctionError) else _LOOK
    side = "OLD" if err.message.startswith("OLD ") else "NEW"  # a portion is read while it is written
    return err.amended(message=f"{side} refuses accounts ({state}{columns}){means}", hint=hint)


def _beginning(err: TableError, state: re.Match[str] | None) -> str:
    """Our own sentence, and behind it the SQLSTATE alone."""
    return err.message.partition(" (")[0] + (f" ({state[1]})" if state else "")
