"""What supasync wrote last by keys: the table ``supasync_account_marks`` of NEW, behind its REST interface.

For each account two digests: of what OLD showed, and of what NEW showed behind the write. So a change in OLD
is told from one in NEW, also where both never say the same. While an account is written, NEW's is empty:
whatever is found then is what an interrupted run left.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import msgspec

from supasync_account.auth.keys_api import KeysApi, Method
from supasync_account.auth.keys_errors import NOT_FOUND, AuthRefusal, LostAnswerError
from supasync_account.decoding import UndecodableError, decoded
from supasync_core.api.registration import Fence
from supasync_core.model.errors import SchemaError

TABLE: Final = "/rest/v1/supasync_account_marks"
_PAGE: Final = 1000
_AT_ONCE: Final = 100
"""Ids that one address names."""


class Written(msgspec.Struct, frozen=True):
    """The digests of one account: OLD's as it was copied, NEW's behind that, empty while it is written."""

    id: str
    old_mark: str
    new_mark: str


@dataclass(frozen=True, slots=True)
class KeyRecords:
    """The records of NEW, by its secret key."""

    new: KeysApi

    def all(self) -> dict[str, Written]:
        """Every record by id; SchemaError where NEW has no such table, TransientError for a circle."""
        found: dict[str, Written] = {}
        while True:
            last = max(found, default="")
            page = self._page({"id": f"gt.{last}"} if found else {})
            if any(each.id <= last for each in page):
                raise self.new.repeats()
            found |= {each.id: each for each in page}
            if not page:
                return found

    def note(self, written: Sequence[Written], fence: Fence) -> None:
        """Remember these."""
        for at in range(0, len(written), _PAGE):
            body = msgspec.json.encode(written[at : at + _PAGE])
            self._sent("POST", {"on_conflict": "id"}, body, fence)

    def forget(self, ids: Iterable[str], fence: Fence) -> None:
        """Remember nothing of these."""
        gone = sorted(ids)
        for at in range(0, len(gone), _AT_ONCE):
            some = ",".join(map(quote, gone[at : at + _AT_ONCE]))
            self._sent("DELETE", {"id": f"in.({some})"}, None, fence)

    def _sent(self, method: Method, query: Mapping[str, str], body: bytes | None, fence: Fence) -> None:
        """Both may be sent again: a second time changes nothing."""
        for last in (False, True):
            try:
                self.new.write(method, TABLE, body, fence, query)
            except LostAnswerError:
                if last:
                    raise
            except AuthRefusal as err:
                raise _unusable(err) from err
            else:
                return

    def look(self) -> None:
        """SchemaError where NEW has no such table."""
        self._page({"limit": "1"})

    def _page(self, query: Mapping[str, str]) -> list[Written]:
        try:
            answer = self.new.get(
                TABLE, {"select": "id,old_mark,new_mark", "order": "id", "limit": str(_PAGE), **query}
            )
        except AuthRefusal as err:
            raise _unusable(err) from err
        try:
            return decoded(answer.body, list[Written])
        except UndecodableError:
            raise self.new.unusable("something that is not a list of rows", answer) from None


def _unusable(err: AuthRefusal) -> SchemaError:
    what = "has no table" if err.status == NOT_FOUND else "does not let this key use the table"
    return SchemaError(
        f"NEW {what} public.supasync_account_marks, where supasync notes what it wrote ({err.code})",
        hint="paste what supasync schema sql prints into NEW's SQL editor, again if you did before",
    )
