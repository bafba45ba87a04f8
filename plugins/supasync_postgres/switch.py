"""What the switch of an app to NEW's database needs beyond rows; keys of the project's API are `rest`'s."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from supasync_core.api.registration import Context
from supasync_core.api.switch import Condition, Ends, Line, ManualStep, Naming
from supasync_core.model.errors import SupasyncError
from supasync_core.model.table import Table
from supasync_core.schema import scripts
from supasync_core.schema.ready import READY, SENTENCES
from supasync_postgres import new_functions
from supasync_postgres.app_variables import Databases
from supasync_postgres.database import Database
from supasync_postgres.transaction import Statement

_FUNCTION: Final = "supasync_ready"
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
        found = new_functions.called(self._database, _FUNCTION, asked)
        for name, (_, value) in READY.items():
            hint = f"paste into NEW's SQL editor what this prints: supasync schema sql --{name} {value}"
            if not isinstance(found, dict):
                text = f"NEW does not have the function {_FUNCTION}, or does not let this user run it"
                yield Condition(name=name, holds=None, text=text, how="not seen", hint=hint)
                continue
            wrong = found.get(name, [])
            yield Condition(
                name=name,
                holds=not wrong,
                text="; ".join(wrong) or "as it should be",
                how=f"{_FUNCTION}() in NEW",
                hint=hint if wrong else None,
                sql=scripts.script(f"{name}-{value}", tables) if wrong else None,
            )

    def manual_steps(self) -> Sequence[ManualStep]:
        """Whatever else names OLD."""
        text = (
            "restart the app, and look for other places that hold OLD's connection string: hosts, CI, workers"
        )
        return [ManualStep(text)]

    def close(self) -> None:
        self._database.close()
