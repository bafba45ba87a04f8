"""What the switch of an app to NEW's database needs beyond rows; keys of the project's API are `rest`'s."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from supasync_core.api.registration import Context
from supasync_core.api.switch import Condition, Ends, Line, ManualStep, Naming
from supasync_core.model.errors import SupasyncError
from supasync_core.model.table import Table
from supasync_core.schema.ready import READY, SENTENCES
from supasync_core.system.addresses import LOOPBACK, host_of
from supasync_postgres import new_functions
from supasync_postgres.database import Database
from supasync_postgres.database_url import POOLER, DatabaseUrl, parse
from supasync_postgres.transaction import Statement

_FUNCTION: Final = "supasync_ready"
_BY_REST: Final = (
    "name NEW by its API for the switch, which gives the app NEW's address and keys: "
    'sink: {backend: rest, url: "${SUPABASE_URL}", key: "${SUPABASE_SERVICE_ROLE_KEY}"}'
)
_UNLIKE: Final = (
    "names OLD in a form that is not rewritten here: change it to NEW's, or write it as postgresql://..."
)
_SHORTEST: Final = 8
"""Characters of a project's ref that may be looked for in other values."""
_ONE: Final = Statement("SELECT count(*) FROM public.sync_metadata LIMIT %s", [1], "switch")


class PostgresSwitch:
    """An app whose variables name OLD's database by a connection string."""

    conditions: Mapping[str, str] = SENTENCES

    def __init__(self, ends: Ends) -> None:
        self._ends = ends
        context = Context(ends.sink.values, ends.folder, ends.ledger, "NEW")
        self._database = Database(context, read_only=True)

    def naming(self, lines: Sequence[Line]) -> Naming:
        """The connection strings to OLD's database get NEW's; what names OLD's API is not changed here."""
        last = {line.name: line for line in lines}.values()
        old = [line.name for line in last if self._names(line.value, self._ends.source.ref)]
        new = [line.name for line in last if self._names(line.value, self._ends.sink.ref)]
        api = [line for line in last if _host(line.value) == self._ends.source.ref]
        problems = [f"{line.name} (line {line.line}) names OLD's API: {_BY_REST}" for line in api]
        known = {*old, *(line.name for line in api)}
        others = [line for line in last if line.name not in known and not line.name.startswith("OLD_")]
        problems += [
            f"{each.name} (line {each.line}) {_UNLIKE}" for each in others if self._marks(each.value)
        ]
        if old and new:
            problems.append(f"{', '.join(new)} names NEW, but {', '.join(old)} names OLD: they must agree")
        if not (old or new or api):
            problems.append("no variable is a connection string to OLD's database: is it the app's .env?")
        if problems:
            return Naming(problems=tuple(problems))
        return Naming(wanted=dict.fromkeys(old, self._ends.sink.values["url"]), switched=not old)

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
            )

    def manual_steps(self) -> Sequence[ManualStep]:
        """Whatever else names OLD."""
        text = (
            "restart the app, and look for other places that hold OLD's connection string: hosts, CI, workers"
        )
        return [ManualStep(text)]

    def close(self) -> None:
        self._database.close()

    def _marks(self, value: str) -> bool:
        """Whether the value names OLD in any form, such as a DSN or a scheme of a driver."""
        own = _parsed(self._ends.source.values.get("url", ""))
        ref = self._ends.source.ref.partition(".")[0]
        if len(ref) >= _SHORTEST and ref in value:
            return True
        if own is None or own.host in LOOPBACK or own.host.endswith(POOLER):
            return False
        return own.host in value

    def _names(self, value: str, ref: str) -> bool:
        """Whether the value is a connection string to the database of that project."""
        end = self._ends.source if ref == self._ends.source.ref else self._ends.sink
        found = _parsed(value)
        if found is None:
            return False
        own = _parsed(end.values.get("url", ""))
        return found.project == ref or (own is not None and found.shown == own.shown)


def _parsed(value: str) -> DatabaseUrl | None:
    try:
        return parse(value)
    except ValueError:
        return None


def _host(value: str) -> str | None:
    """The host of a web address; None of anything else."""
    try:
        return host_of(value) if urlsplit(value).scheme in ("http", "https") else None
    except ValueError:
        return None
