"""What the switch to a Supabase project needs beyond rows: names, keys, sequences, and steps by hand."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from supasync_core.api.registration import Context
from supasync_core.api.switch import Condition, Ends, Line, ManualStep, Naming
from supasync_core.model.errors import RefusedError, StateError, SupasyncError
from supasync_core.model.table import Table
from supasync_rest import after_switch, catalog_functions, catalog_warnings, scripts
from supasync_rest.client import Client
from supasync_rest.env_names import Names, anon_key
from supasync_rest.messages import Request, Response
from supasync_rest.rest_errors import ForbiddenError
from supasync_rest.retry_policy import RetryPolicy
from supasync_rest.url_and_key import key_problem

_FUNCTION: Final = "supasync_ready"
_AT_ONCE: Final = 50
"""Tables that one address can name."""
_CONDITIONS: Final = {
    "sequences": "sequences of NEW are beyond the largest key",
    "identity": "identity columns are as they were before the sync",
    "triggers": "no trigger of NEW is off",
    "foreign-keys": "every foreign key that was dropped for the sync is back",
}
_MENDS: Final = {
    "sequences": "--sequences",
    "identity": "--identity always",
    "triggers": "--triggers on",
    "foreign-keys": "--foreign-keys on",
}


class RestSwitch:
    """Asks NEW by GET alone."""

    conditions: Mapping[str, str] = _CONDITIONS

    def __init__(self, ends: Ends, retry_policy: RetryPolicy | None = None) -> None:
        self._ends = ends
        self._retry_policy = retry_policy
        self._client = self._opened(ends.sink.values["key"])
        self._wants_anon = True

    def naming(self, lines: Sequence[Line]) -> Naming:
        """What these variables of an app name."""
        names = Names(self._ends, lines)
        self._wants_anon = names.public
        return names.naming()

    def try_keys(self) -> Iterator[Condition]:
        """A request with each: the secret key reads ``sync_metadata``, the anon key is known and may not."""
        secret = key_problem(self._ends.sink.values["key"]) is None
        yield _probed(self._client, "the secret key", may=True, secret=secret)
        key, flaw = anon_key(self._ends.environment)
        if key is None:
            text = (
                "no anon key, and the app's .env has none" if not self._wants_anon else f"no anon key: {flaw}"
            )
            yield Condition(name="keys", holds=not self._wants_anon, text=text, how="not asked")
            return
        client = self._opened(key)
        try:
            yield _probed(client, "the anon key", may=False)
        finally:
            client.close()

    def look(self, tables: Sequence[Table]) -> Iterator[Condition]:
        """Each condition, by a function of NEW that only reads; not seen where it is not there."""
        try:
            found = [self._ready(tables[i : i + _AT_ONCE]) for i in range(0, len(tables), _AT_ONCE)]
        except SupasyncError as err:
            for name, option in _MENDS.items():
                hint = f"{err.hint or ''}\nthe SQL that makes it so: supasync schema sql {option}".strip()
                yield Condition(name=name, holds=None, text=str(err), how="not seen", hint=hint)
            return
        for name in _CONDITIONS:
            wrong = [text for each in found for text in each.get(name, ())]
            if name == "triggers" and not wrong:
                yield self._triggers(tables)
                continue
            way = f"paste into NEW's SQL editor what this prints: supasync schema sql {_MENDS[name]}"
            yield Condition(
                name=name,
                holds=not wrong,
                text="; ".join(wrong) or "as it should be",
                how=f"{_FUNCTION}() in NEW",
                hint=way if wrong else None,
                sql=_sql(name, tables) if wrong else None,
            )

    def _triggers(self, tables: Sequence[Table]) -> Condition:
        """No trigger is off; those that a sync still fires are named, for a sync before the switch."""
        told = catalog_warnings.of_catalog(tables, catalog_functions.told(self._client, tables))
        firing = [each.text for each in told if each.kind in {"trigger", "unknown"}]
        return Condition(
            name="triggers",
            holds=True,
            text="; ".join(["as it should be", *firing]),
            how=f"{_FUNCTION}() in NEW",
            hint=catalog_warnings.GUARD if firing else None,
        )

    def manual_steps(self) -> Sequence[ManualStep]:
        """What is left to a person."""
        return after_switch.manual_steps(self._ends.source.ref, self._ends.sink.ref)

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def _opened(self, key: str) -> Client:
        context = Context(
            settings={"url": self._ends.sink.values["url"], "key": key},
            folder=self._ends.folder,
            ledger=self._ends.ledger,
            project="NEW",
        )
        return Client(context, ("GET",), self._retry_policy)

    def _ready(self, tables: Sequence[Table]) -> dict[str, list[str]]:
        named = json.dumps([table.address for table in tables])
        path = f"/rpc/{_FUNCTION}?tables={quote(named, safe='')}"
        request = Request(method="GET", path=path, purpose="switch", state=True)

        def told(answer: Response) -> dict[str, list[str]]:
            try:
                found: Any = json.loads(answer.body)
            except ValueError as err:
                raise self._client.unfit(request, "with something that is not JSON", answer) from err
            if not isinstance(found, dict):
                raise StateError(f"NEW: {_FUNCTION} gives no answer", hint="supasync schema sql")
            return found

        return self._client.send(request, told)


def _sql(name: str, tables: Sequence[Table]) -> str:
    """The SQL that makes the condition hold."""
    if name == "sequences":
        return scripts.sequences(tables, "set")
    if name == "identity":
        return scripts.identity(tables, "always")
    if name == "triggers":
        return scripts.triggers(tables, "on")
    return scripts.foreign_keys(tables, "on")


def _probed(client: Client, name: str, *, may: bool, secret: bool = False) -> Condition:
    """Whether NEW knows the key, and shows it ``sync_metadata`` if it may see that, and else not.

    ``secret``: the key that NEW knows is of the secret kind, so that no row means that there is none yet.
    """
    how = f"{name}: GET sync_metadata"
    path = "/sync_metadata?select=run_id&limit=1"
    request = Request(method="GET", path=path, purpose="switch", state=True)
    try:
        sees = client.send(request, lambda answer: answer.body.strip() != b"[]")
    except ForbiddenError:
        sees = secret = False
    except RefusedError as err:
        return Condition(name="keys", holds=False, text=f"{name}: {err}", how=how, hint=err.hint)
    text = f"{name} works"
    if sees and not may:
        text = f"{name} reads sync_metadata: it is a secret key, which no browser may see"
    elif may and not sees and secret:
        text = f"{name} works; sync_metadata is empty: supasync setup writes its first record"
    elif may and not sees:
        text = f"{name} is known to NEW, but sees no row: it is no secret key"
    return Condition(name="keys", holds=(sees or secret) == may, text=text, how=how)
