"""Digests that a database computes itself: one SQL, run by a function, or over the door for SQL.

What is asked is JSON, and so is the answer, with the ``version`` of the SQL. ``want`` is one of: ``tables``,
what the catalog says of tables, and a digest of known values; ``bound``, the key so many rows behind another;
``parts``, count and digest of the rows of a key range, in parts by a hash of their key; ``rows``, the same of
each row; ``cells``, a digest of each cell of the rows with these keys.

The digest of rows is two sums of 64-bit hashes of their texts. Sums depend on no order, so on no collation.
"""

from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final, Protocol, runtime_checkable

from supasync_core.model.sql_template import with_parts

VERSION: Final = 1


@runtime_checkable
class Digesting(Protocol):
    """A source or sink whose database may have a function for digests."""

    def digest(self, asked: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
        """The answer as JSON, by a request that only reads.

        SchemaError where the database lacks the function or refuses it, SlowQueryError if it took too long.
        """
        ...


def of_tables(asked: str) -> str:
    """The query whose value answers ``want: tables``; ``asked`` is SQL for what is asked, a jsonb."""
    return _query("digest_tables", asked)


def of_rows(asked: str) -> str:
    """The query whose value is the statement that answers everything else."""
    return _query("digest_rows", asked)


def _query(name: str, asked: str) -> str:
    text = files("supasync_core.api").joinpath(f"{name}.sql").read_text("utf-8")
    return with_parts(text, {"asked": asked})
