"""What the switch of an app to NEW's database needs beyond rows; keys of the project's API are `rest`'s."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from supasync_core.api.registration import Context
from supasync_core.api.switch import Condition, Ends, Line, ManualStep, Naming
from supasync_core.model.errors import SupasyncError
from supasync_core.model.table import Table
from supasync_core.schema.ready import FUNCTION, SENTENCES, conditions, unseen
from supasync_postgres import new_functions
from supasync_postgres.app_variables import Databases
from supasync_postgres.database import Database
from supasync_postgres.transaction import Statement

_ONE: Final = Statement("SELECT count(*) FROM public.sync_metadata LIMIT %s", [1], "switch")


class PostgresSwitch:
    """An app whose variables name OLD's database, in whatever form."""

    conditions: Mapping[str, str] = SENTENCES

    def __init__(self, ends: Ends) -> None:
        self._ends = ends
        context = Context(ends.sink.values, ends.folder, ends.ledger, "NEW")
        self._database = Database(context, read_only=True)

    def naming(self, lines: Sequence[Line]) -> Naming:
        """Whatever names OLD's database gets NEW's place; what names OLD's API is not changed here."""
        return Databases(self._ends, lines).naming()

    def try_keys(self) -> Iterator[Condition]:
        """Whether NEW's database answers with this user and password."""
        how = "a statement in NEW"
        try:
            self._database.one(_ONE)
        except SupasyncError as err:
            yield Condition(name="keys", holds=False, text=str(err), how=how, hint=err.hint)
            return
        yield Condition(name="keys", holds=True, text="NEW's database answers", how=how)

    def look(self, tables: Sequence[Table]) -> Iterator[Condition]:
        """Each condition, by a function of NEW that only reads; unknown where NEW does not have it."""
        asked = {"tables": [table.address for table in tables]}
        found = new_functions.called(self._database, FUNCTION, asked)
        if isinstance(found, dict):
            return conditions([found], tables)
        return unseen(f"NEW does not have the function {FUNCTION}, or does not let this user run it")

    def manual_steps(self) -> Sequence[ManualStep]:
        """Whatever else names OLD."""
        text = (
            "restart the app, and look for other places that hold OLD's connection string: hosts, CI, workers"
        )
        return [ManualStep(text)]

    def close(self) -> None:
        self._database.close()
