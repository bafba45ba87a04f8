"""The door for functions: a side whose API calls functions that a person has pasted into its database.

A plugin asks the side, and imports no backend for that. What a call sends and receives counts in the ledger,
so in budgets too.
"""

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class FunctionSpeaking(Protocol):
    """A source or sink that calls functions of the schema ``public`` with one argument, ``asked``."""

    def function(self, name: str, asked: Mapping[str, Any], purpose: str) -> Any:  # noqa: ANN401 - JSON
        """What the function answers, as JSON.

        A source calls by GET, which the API runs in a transaction that is READ ONLY; a sink by POST. Either
        is repeated where its answer was lost, so what a function writes must be the same when it is written
        twice. SchemaError where it is not there or the key may not call it, RowError where it refuses what
        it was handed, SlowQueryError where it took too long: then less is to be asked.
        """
        ...
