"""Buckets and their settings: a new one is private and without rules until its objects are there.

Older objects may break the rules that their bucket has by now, and a public bucket can be read at once.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from supasync_account.storage.storage_client import StorageClient, path_of
from supasync_account.storage.storage_errors import ObjectError
from supasync_core.api.registration import Fence

_JSON: Final[Mapping[str, str]] = {"Content-Type": "application/json"}
_BARE: Final[Mapping[str, Any]] = {"public": False, "file_size_limit": None, "allowed_mime_types": None}
UNNAMED: Final = "OLD has a bucket of this name, which no address can name: its files are not copied"
NAME_OTHERS: Final = "remove it in OLD, or name the others under buckets: in tables.yaml"
PROJECT_LIMIT: Final = "NEW: raise the limit of the project first: Dashboard -> Storage -> Settings"


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket and what its settings say; None stands for no limit."""

    id: str
    name: str
    public: bool
    file_size_limit: int | None
    allowed_mime_types: tuple[str, ...] | None

    @property
    def settings(self) -> dict[str, Any]:
        """The settings as the API takes them."""
        types = self.allowed_mime_types
        return {
            "public": self.public,
            "file_size_limit": self.file_size_limit,
            "allowed_mime_types": None if types is None else list(types),
        }

    def differs(self, other: "Bucket") -> list[str]:
        """The names of the settings in which they differ; the order of types means nothing."""
        mine, its = (
            {**each.settings, "allowed_mime_types": _without_order(each.allowed_mime_types)}
            for each in (self, other)
        )
        return [name for name, value in mine.items() if its[name] != value]


def _without_order(types: tuple[str, ...] | None) -> frozenset[str] | None:
    return None if types is None else frozenset(types)


def buckets(client: StorageClient, unnamed: Callable[[str], object]) -> dict[str, Bucket]:
    """All buckets of files by id, those that a listing of every one shows.

    Ids that no address can name, as SQL alone can make, are left out and handed to ``unnamed``.
    """
    told = client.understood("GET", "bucket", list[_Told])
    files = sorted(
        (each for each in told if each.type in (None, "STANDARD")), key=lambda each: each.id.encode()
    )
    found = {each.id: each.bucket for each in files}
    for name in [each for each in found if each in ("", ".", "..") or "/" in each]:
        unnamed(name)
        del found[name]
    return found


class _Told(msgspec.Struct, frozen=True):
    """A bucket as a listing shows it; a row that SQL has made may lack what the API writes."""

    id: str
    name: str
    public: bool | None = None
    file_size_limit: int | None = None
    allowed_mime_types: list[str | None] | None = None
    type: str | None = None

    @property
    def bucket(self) -> Bucket:
        types = self.allowed_mime_types
        kept = None if types is None else tuple(each for each in types if each is not None)
        return Bucket(self.id, self.name, bool(self.public), self.file_size_limit, kept)


def there(client: StorageClient, bucket: str) -> bool:
    """Whether the bucket is there and may be seen: an empty listing would prove neither."""
    try:
        client.send("GET", path_of("bucket", bucket))
    except ObjectError as err:
        if err.kind == "missing":
            return False
        raise
    return True


def make(client: StorageClient, bucket: Bucket, fence: Fence) -> None:
    """Make it in NEW, private and without rules; one that is there by now is taken as it is."""
    fence.ask()
    try:
        told = {"id": bucket.id, "name": bucket.name, "public": False}
        client.send("POST", "bucket", headers=_JSON, body=json.dumps(told).encode())
    except ObjectError as err:
        if err.kind != "exists":
            raise


def is_bare(bucket: Bucket) -> bool:
    """Whether it is as `make` made it."""
    return bucket.settings == _BARE


def is_ours(there: Bucket | None, known: Mapping[str, Any]) -> bool:
    """Whether NEW's settings are as they were written last, or as the bucket was made."""
    if there is None:
        return True
    written = known.get("settings")
    return written == there.settings if written else bool(known.get("made")) and is_bare(there)


def apply(client: StorageClient, bucket: str, settings: Mapping[str, Any], fence: Fence) -> None:
    """Give NEW's bucket these settings; ObjectError where the limit is above that of the project."""
    fence.ask()
    client.send("PUT", path_of("bucket", bucket), headers=_JSON, body=json.dumps(settings).encode())


def largest(client: StorageClient) -> int | None:
    """The bytes that an object of the project may have; None where the server does not say."""
    headers = {"Tus-Resumable": "1.0.0"}
    try:
        found = client.send("OPTIONS", "upload/resumable", headers=headers).headers.get("tus-max-size", "")
    except ObjectError:
        return None
    return int(found) if found.isdecimal() and len(found) < 20 else None  # noqa: PLR2004 - digits of 64 bits
