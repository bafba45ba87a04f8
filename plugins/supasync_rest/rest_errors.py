"""Refinements of supasync's errors that this backend itself acts on."""

from supasync_core.model.errors import (
    RefusedError,
    RowError,
    SchemaError,
    SlowQueryError,
    TransientError,
)


class RetryableError(TransientError):
    """A failure that may pass: ``after`` is the wait in seconds that the server asks for.

    ``lost``: the request may yet take effect. ``final``: sending the very same request again does not help.
    ``brief`` is what happened in a few words, without the table, where the message says more.
    """

    brief: str | None = None
    after: float = 0.0
    lost: bool = False
    final: bool = False


class StatementTimeoutError(RetryableError, SlowQueryError):
    """PostgreSQL cancelled the statement (57014), or its answer did not come in time."""


class TooLargeError(RowError):
    """A body was too large for the server: 413."""


class LargePageError(Exception):
    """A page was cut off within its first row, so large are its rows."""


class MissingColumnError(SchemaError):
    """The table lacks a column: 42703 or PGRST204."""


class HiddenSchemaError(SchemaError):
    """The API does not show this schema, and names those that it ``exposes``: PGRST106."""

    exposes: tuple[str, ...] = ()


class ComputedColumnError(SchemaError):
    """The table computes ``column`` itself, so it accepts no value for it: 428C9."""

    column: str = ""


class ForbiddenError(RefusedError):
    """The key is known, and its role may not do this: 42501."""


NOT_SHOWN = (SchemaError, RowError, RefusedError, StatementTimeoutError)
"""How a server answers that does not have, does not show, or may not look at what it is asked for."""
