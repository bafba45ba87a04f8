"""What the switch to a Supabase project needs beyond rows: names, keys, sequences, and manual steps."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial

from supasync_core.api.registration import Context
from supasync_core.api.switch import Condition, Ends, Line, ManualStep, Naming
from supasync_core.model.errors import RefusedError, StateError, SupasyncError
from supasync_core.model.table import Table
from supasync_core.schema import catalog_warnings
from supasync_core.schema.ready import FUNCTION, SENTENCES, conditions, unseen
from supasync_rest import after_switch, catalog_functions
from supasync_rest.catalog_functions import TABLES_AT_ONCE, addresses
from supasync_rest.client import Client
from supasync_rest.env_names import Names, anon_key
from supasync_rest.messages import Request
from supasync_rest.rest_errors import ForbiddenError
from supasync_rest.retry_policy import RetryPolicy
from supasync_rest.url_and_key import key_problem


class RestSwitch:
    """Asks NEW by GET alone."""

    conditions: Mapping[str, str] = SENTENCES

    def __init__(self, ends: Ends, retry_policy: RetryPolicy | None = None) -> None:
        self._ends = ends
        self._retry_policy = retry_policy
        self._client = self._opened(ends.sink.values["key"])
        self._wants_anon = True

    def naming(self, lines: Sequence[Line]) -> Naming:
        names = Names(self._ends, lines)
        self._wants_anon = names.public
        return names.naming()

    def try_keys(self) -> Iterator[Condition]:
        """A request with each key: the secret key reads ``sync_metadata``, the anon key may not."""
        secret = key_problem(self._ends.sink.values["key"]) is None
        yield _probed(self._client, "the secret key", may=True, secret=secret)
        key, flaw = anon_key(self._ends.environment)
        if key is None:
            text = (
                "no anon key, and the app's .env has none" if not self._wants_anon else f"no anon key: {flaw}"
            )
            yield Condition(name="keys", holds=not self._wants_anon, text=text, how="not asked")
            return
        with closing(self._opened(key)) as client:
            yield _probed(client, "the anon key", may=False)

    def look(self, tables: Sequence[Table]) -> Iterator[Condition]:
        """Each condition, by a function of NEW that only reads; unknown where NEW does not have it."""
        try:
            found = [
                self._ready(tables[at : at + TABLES_AT_ONCE]) for at in range(0, len(tables), TABLES_AT_ONCE)
            ]
        except SupasyncError as err:
            return unseen(str(err), err.hint)
        return conditions(found, tables, partial(self._firing_triggers, tables))

    def _firing_triggers(self, tables: Sequence[Table]) -> list[str]:
        """Sentences on the triggers that a sync before the switch still fires."""
        parts = catalog_functions.structure(self._client, tables)
        remarks = catalog_warnings.of_catalog(tables, parts)
        return [each.text for each in remarks if each.kind in {"trigger", "unknown"}]

    def manual_steps(self) -> Sequence[ManualStep]:
        return after_switch.manual_steps(self._ends.source.ref, self._ends.sink.ref)

    def close(self) -> None:
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
        path = f"/rpc/{FUNCTION}?tables={addresses(tables)}"
        request = Request(path=path, purpose="switch", state=True)

        found = self._client.send(request, lambda answer: json.loads(answer.body))
        if not isinstance(found, dict):
            raise StateError(f"NEW: {FUNCTION} returned no object", hint="supasync schema sql")
        return found


def _probed(client: Client, name: str, *, may: bool, secret: bool = False) -> Condition:
    """Whether NEW knows the key, and shows it ``sync_metadata`` exactly if it ``may`` see that.

    ``secret``: the key is of the secret kind, so that no row means that there is none yet.
    """
    how = f"{name}: GET sync_metadata"
    path = "/sync_metadata?select=run_id&limit=1"
    request = Request(path=path, purpose="switch", state=True)
    try:
        sees = client.send(request, lambda answer: answer.body.strip() != b"[]")
    except ForbiddenError:
        sees = secret = False
    except RefusedError as err:
        return Condition(name="keys", holds=False, text=f"{name}: {err}", how=how, hint=err.hint)
    text = f"{name} works"
    if sees and not may:
        text = f"{name} reads sync_metadata: it is a secret key, which must never reach a browser"
    elif may and not sees and secret:
        text = f"{name} works; sync_metadata is empty: supasync setup writes its first row"
    elif may and not sees:
        text = f"{name} is known to NEW, but sees no row: it is not a secret key"
    return Condition(name="keys", holds=(sees or secret) == may, text=text, how=how)
