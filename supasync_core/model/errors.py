"""Every error that supasync raises on purpose, with its exit code.

::

    SupasyncError                 .exit_code .hint
    ├── ConfigError        2      every problem: path:line:column: where: message
    ├── PluginError        2      unknown, duplicate or unloadable; names the distribution
    ├── TableError                .table
    │   ├── TransientError 4      timeout, 429, 5xx: retried with backoff first
    │   │   └── SlowQueryError    the database cancelled it: less at once may pass
    │   ├── BatchTooLargeError 4  fewer rows at once may pass; .error is what it is for one row
    │   ├── RefusedError   3      401, 402, 403, paused: a person has to act
    │   ├── BudgetError    3      a budget of tables.yaml would be exceeded
    │   ├── SchemaError    3      a table, key or column is missing or unfit
    │   │   ├── NoTableError 3    the table does not exist
    │   │   ├── NoFunctionError 3 a function that a person pastes is not there
    │   │   ├── LargeAnswerError 3 the database cannot print so much at once: fewer rows may pass
    │   │   └── LeftOverError 3   rows that no address can name were left in place
    │   └── RowError       3      the sink refused rows; .sqlstate and .keys
    ├── StateError         3      the state is absent, unreadable, foreign or closed
    ├── LockedError        5      another run holds the lock or the lease
    └── InternalError      1      supasync or a plugin is wrong

`ExitCode` says what each code means. Cron should alert on 1 to 3 and tolerate 4 and 5.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Self

from supasync_core.model.printable import visible


class ExitCode(IntEnum):
    """What a command ends with; docs/reference/exit-codes.md says it to cron."""

    DONE = 0
    INTERNAL = 1
    SETTINGS = 2
    PERSON = 3
    LATER = 4
    LOCKED = 5
    INTERRUPTED = 130


class DiffCode(IntEnum):
    """What a command that answers like diff(1) ends with."""

    EQUAL = 0
    DIFFERENT = 1
    TROUBLE = 2


class SupasyncError(Exception):
    """Something that a person can understand and fix: what happened, and a hint what to do.

    The message is one line, whatever a name or a server puts into it; a hint may have several.
    """

    exit_code = ExitCode.PERSON

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        self.message = message
        self.hint = None if hint is None else visible(hint, "\n")
        super().__init__(self.message)

    @property
    def message(self) -> str:
        """What happened, and where."""
        return self._message

    @message.setter
    def message(self, text: str) -> None:
        self._message = "\n".join(map(visible, self._lines(text)))

    def _lines(self, message: str) -> Sequence[str]:
        return (message,)

    def amended(self, **facts: Any) -> Self:  # noqa: ANN401 - attributes of every kind
        """The same error with other facts, such as ``hint=...``, to be raised instead of this one."""
        made = type(self).__new__(type(self), *self.args)
        for name, value in {**vars(self), **facts}.items():
            setattr(made, name, value)
        return made

    def __str__(self) -> str:
        return self.message


class InternalError(SupasyncError):
    """What nobody has foreseen: the program, or a plugin, is wrong."""

    exit_code = ExitCode.INTERNAL


class ConfigError(SupasyncError):
    """The settings cannot be used; the message lists every problem, a line each."""

    exit_code = ExitCode.SETTINGS

    def __init__(self, problems: Sequence[str], *, hint: str | None = None) -> None:
        self.problems = tuple(map(visible, problems))
        super().__init__("\n".join(self.problems), hint=hint)

    def _lines(self, message: str) -> Sequence[str]:
        return self.problems


class PluginError(SupasyncError):
    """A plugin is unknown, given twice or cannot be loaded."""

    exit_code = ExitCode.SETTINGS


class TableError(SupasyncError):
    """Something went wrong with one table; without a table it concerns the whole project.

    Where it is the ``project`` (OLD or NEW) that answers nothing, ``reason`` is the kind: ``quota``,
    ``paused``, ``unreachable`` or ``key``; ``budget`` where supasync itself does not ask any more.
    """

    reason: str | None = None
    project: str | None = None

    def __init__(self, message: str, *, table: str | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.table = table

    def raise_if_of_the_project(self) -> None:
        """Raise it again where it concerns the whole project, such as a wrong key or a quota."""
        if self.reason:
            raise self

    def raise_if_of_no_table(self) -> None:
        """Raise it again where no table is named: it would meet the next one too."""
        if self.table is None:
            raise self


class TransientError(TableError):
    """It failed now and may work later: the next run tries again."""

    exit_code = ExitCode.LATER


class SlowQueryError(TransientError):
    """The database cancelled a query that took too long, or its answer did not come in time.

    A query that asks for less may pass.
    """


class BatchTooLargeError(TableError):
    """The sink did not accept so many rows at once; fewer may pass.

    ``error`` is what it is where there are no fewer: for a single row.
    """

    exit_code = ExitCode.LATER

    def __init__(self, error: TableError) -> None:
        super().__init__(error.message, table=error.table, hint=error.hint)
        self.error = error


class RefusedError(TableError):
    """The other side refuses, and keeps refusing until a person acts."""


class BudgetError(TableError):
    """Going on would exceed a budget; cursors are kept."""

    reason = "budget"


class SchemaError(TableError):
    """A table, a key or a column is missing or unsuitable."""


class NoTableError(SchemaError):
    """The table does not exist, where it is looked for."""


class NoFunctionError(SchemaError):
    """A function that a person pastes is not there, or the API does not show it."""


class LargeAnswerError(SchemaError):
    """The database cannot print so many rows at once; fewer may pass, and of a single row there are none."""


class LeftOverError(SchemaError):
    """Rows that no address can name were left in place; ``removed`` others were removed."""

    def __init__(self, message: str, *, table: str, left: int, removed: int) -> None:
        super().__init__(message, table=table, hint="delete them by SQL in NEW")
        self.left, self.removed = left, removed


class RowError(TableError):
    """The sink refused rows of a batch; nothing of that batch was written.

    Where it told which: ``columns`` and ``value``, the text that PostgreSQL printed for them, as ``(7)`` or
    ``(1, a)``; ``constraint`` is its name, ``other`` the table that a foreign key refers to. ``blockers`` are
    the keys of the sink's rows that have its unique value, and that the source does not have.
    """

    blockers: tuple[tuple[str, ...], ...] = ()

    def __init__(  # noqa: PLR0913 - what a server may tell of a row
        self,
        message: str,
        *,
        table: str | None = None,
        hint: str | None = None,
        sqlstate: str | None = None,
        columns: Sequence[str] = (),
        value: str | None = None,
        other: str | None = None,
        constraint: str | None = None,
    ) -> None:
        super().__init__(message, table=table, hint=hint)
        self.sqlstate = sqlstate
        self.columns = tuple(columns)
        self.value = value
        self.other = other
        self.constraint = constraint


class StateError(SupasyncError):
    """The state is absent, unreadable, foreign or closed: a cursor is never guessed."""


class LockedError(SupasyncError):
    """Another run holds the lock or the lease."""

    exit_code = ExitCode.LOCKED


class TakenOverError(LockedError):
    """This run has lost its lease: nothing it holds may be written any more."""

    def __init__(self) -> None:
        super().__init__(
            "another run has taken over the lease: this one has stopped",
            hint="nothing is lost: the other run reads again what this one may have sent",
        )
