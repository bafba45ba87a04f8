"""What OLD's database says of its Storage: by a connection, or by a function that a person has pasted there.

A digest of each bucket says whether anything has changed, so that it is not listed. User metadata comes for a
thousand objects at once. Where there is neither, Storage itself is asked, which takes more requests.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Annotated, Any, Final
from urllib.parse import quote

import msgspec

from supasync_account.decoding import nests_too_deeply
from supasync_account.storage.bucket_settings import Bucket
from supasync_core.api.function_door import FunctionSpeaking
from supasync_core.api.function_rights import closing
from supasync_core.api.run_step import ScriptAsked
from supasync_core.api.sql_session import PINNED, SqlSession
from supasync_core.model.errors import ConfigError, NoFunctionError, SupasyncError
from supasync_core.model.printable import sql_text
from supasync_core.model.sql_template import with_parts

FUNCTION: Final = "supasync_storage"
_ADDRESS: Final = 4000
"""Bytes of names in an address; servers take about 8,000 in all."""
_PURPOSE: Final = "storage list"
_METADATA: Final = """
select o.name, o.user_metadata::text from storage.objects o
where o.bucket_id = %s and o.name = any(%s::text[]) and o.user_metadata is not null
"""
_REMOVED: Final = f"""\
-- supasync: removes the function about Storage; nothing else was added to OLD for it.
drop function if exists public.{FUNCTION}(jsonb);

notify pgrst, 'reload schema';
"""


@dataclass(frozen=True, slots=True)
class Mark:
    """A bucket, what it holds, and a digest of all its objects."""

    bucket: Bucket
    objects: int
    bytes: int
    digest: str


@dataclass
class OldAnswers:
    """Asked by one thread. ``lacking``: OLD has no such function, as far as is known."""

    session: SqlSession | None = None
    side: FunctionSpeaking | None = None
    lacking: bool = False

    def marks(self) -> dict[str, Mark] | None:
        """Every bucket of files by id; None where nobody can say, or not in time."""
        found = self._called({}) if self.session is None else self._queried(self.session)
        if not isinstance(found, dict):
            return None
        try:
            return {name: _mark(name, told) for name, told in sorted(found.items())}
        except ValueError:
            return None

    def _queried(self, session: SqlSession) -> Any:  # noqa: ANN401 - JSON
        try:
            [(told,)] = session.query(_file("storage-buckets"), purpose=_PURPOSE)
        except SupasyncError:
            return None
        return json.loads(told) if isinstance(told, str) else told

    def metadata(self, bucket: str, names: Sequence[str]) -> Mapping[str, Any]:
        """User metadata by name, None for one without; nothing where nobody can say."""
        if not names:
            return {}
        if self.session is not None:
            try:
                rows = self.session.query(_METADATA, [bucket, list(names)], purpose=_PURPOSE)
            except SupasyncError:
                return {}
            # Storage is asked for an object whose metadata is too deep, so that it alone is named.
            told = {
                name: None if nests_too_deeply(text.encode()) else json.loads(text) for name, text in rows
            }
            return {name: told.get(name) for name in names if name not in told or told[name] is not None}
        known: dict[str, Any] = {}
        for part in _addressable(names) if self.side and not self.lacking else ():
            told = self._called({"bucket": bucket, "names": part})
            if not isinstance(told, dict):
                break
            known |= {name: told.get(name) for name in part}
        return known

    def _called(self, asked: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
        """What the function answers; None where it is not there, or cannot say in time."""
        try:
            return self.side.function(FUNCTION, asked, _PURPOSE) if self.side and not self.lacking else None
        except NoFunctionError:
            self.lacking = True
        except SupasyncError:
            pass
        return None


def script(what: ScriptAsked) -> str:
    """The SQL that `supasync schema sql --storage --old` prints; ConfigError without ``--old``."""
    if what.project != "OLD":
        raise ConfigError(["schema sql --storage: the function is OLD's; say --old"])
    if what.uninstall:
        return _REMOVED
    settings = {name: sql_text(value) for name, value in PINNED.items()}
    settings["search_path"] = PINNED["search_path"]  # a list of names, not a text
    pinned = "\n".join(f"set {name} = {value}" for name, value in settings.items())
    parts = {
        "pinned": pinned,
        "buckets": _file("storage-buckets"),
        "closing": closing(f"public.{FUNCTION}(jsonb)"),
    }
    return with_parts(_file("storage-function"), parts)


def _addressable(names: Sequence[str]) -> Iterator[list[str]]:
    """The names in groups that an address can hold."""
    group: list[str] = []
    room = _ADDRESS
    for name in names:
        room -= len(quote(name)) + 6
        if room < 0 and group:
            yield group
            group, room = [], _ADDRESS
        group.append(name)
    if group:
        yield group


class _Told(msgspec.Struct, frozen=True):
    """What is said of a bucket."""

    name: str
    public: bool
    file_size_limit: int | None
    allowed_mime_types: tuple[str, ...] | None
    objects: Annotated[int, msgspec.Meta(ge=0)]
    bytes: Annotated[int, msgspec.Meta(ge=0)]
    digest: str


def _mark(name: str, said: object) -> Mark:
    """ValueError for what is not said of a bucket."""
    told = msgspec.convert(said, _Told)
    if name in ("", ".", "..") or "/" in name:
        raise ValueError(name)
    bucket = Bucket(name, told.name, told.public, told.file_size_limit, told.allowed_mime_types)
    return Mark(bucket, told.objects, told.bytes, told.digest)


def _file(name: str) -> str:
    return files("supasync_account.storage").joinpath("sql", f"{name}.sql").read_text("utf-8")
