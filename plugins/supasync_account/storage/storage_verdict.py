"""The proof that NEW has OLD's objects: names, sizes, types and, as far as can be known, bytes.

An ETag without ``-N`` is the MD5 of the bytes. One with ``-N`` is made of parts, which each upload cuts in
its own way: it tells nothing of two projects. Where both sides' ETags do not prove it, the MD5 that was taken
while the bytes were sent does, if NEW's object is still the one that was confirmed then; what had come from
OLD by then, such an ETag does not prove.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

import httpx

from supasync_account.decoding import same_values
from supasync_account.storage.bucket_settings import buckets
from supasync_account.storage.doubted_copies import Doubt, doubt_of, has_md5, has_other_etags
from supasync_account.storage.known_object import Known
from supasync_account.storage.object_listing import UNKNOWN, StoredObject, looked_up, pages, plain_etag
from supasync_account.storage.storage_client import StorageClient, described, path_of
from supasync_account.storage.storage_errors import ChangedError, ObjectError, later
from supasync_account.storage.storage_progress import StorageProgress
from supasync_account.storage.storage_settings import StorageSettings
from supasync_core.api.sql_session import SqlSession
from supasync_core.model.errors import DiffCode, SupasyncError
from supasync_core.model.printable import visible
from supasync_core.model.wording import counted

BY_HASH: Final = "MD5 of both sides"
BY_COPY: Final = "MD5 taken while copying, unchanged in NEW since"
BY_COPY_ALONE: Final = "MD5 taken while copying only: OLD's ETag is not an MD5"
BY_SIZE: Final = "size alone"
BY_BYTES: Final = "all bytes read on both sides"
_METADATA: Final = "user metadata was not compared: --exact does, and two connection strings"
_UNCOMPARED: Final = "updated_at, version and id: NEW has its own"
_MARKS: Final = """
select o.name, pg_catalog.md5(o.user_metadata::text) from storage.objects o
where o.bucket_id = %s and o.user_metadata <> '{}'::pg_catalog.jsonb
"""
_COUNT: Final = "select pg_catalog.count(*) from storage.objects o where o.bucket_id = %s"
Sql = Callable[[str], AbstractContextManager[SqlSession | None]]


@dataclass
class StorageVerdict:
    """What differs, by name; ``methods`` says how many objects were proven by what."""

    old: int = 0
    new: int = 0
    missing: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    changed: dict[str, list[str]] = field(default_factory=dict)
    methods: Counter[str] = field(default_factory=Counter)
    remarks: list[str] = field(default_factory=list)
    robots: list[str] = field(default_factory=list)
    """Those whose x-robots-tag differs, which not every Storage keeps."""
    doubts: dict[str, list[Doubt]] = field(default_factory=dict)
    """By bucket, what differs and a copy would take for copied."""

    @property
    def differences(self) -> int:
        """How many objects and buckets differ."""
        return len(self.missing) + len(self.extra) + len(self.changed)

    @property
    def exit_code(self) -> int:
        """0 where nothing that was compared differs, 1 where anything does."""
        return DiffCode.DIFFERENT if self.differences else DiffCode.EQUAL

    @property
    def methods_shown(self) -> str:
        """``1,200 by MD5 of both sides, 3 by size alone``."""
        return ", ".join(f"{number:,} by {method}" for method, number in self.methods.items()) or "none"

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "equal": not self.differences,
            "old": self.old,
            "new": self.new,
            "missing": self.missing,
            "extra": self.extra,
            "changed": self.changed,
            "methods": dict(self.methods),
            "not_compared": self.remarks,
        }


def compare(  # noqa: PLR0913 - two sides, and what is known of them
    old: StorageClient,
    new: StorageClient,
    progress: StorageProgress,
    settings: StorageSettings,
    *,
    exact: bool = False,
    sql: Sql | None = None,
    afford: Callable[[str, int], None] = lambda _project, _bytes: None,
    go_on: Callable[[], bool] = lambda: True,
) -> StorageVerdict:
    """Both sides' buckets and objects; ``exact`` reads all bytes, and what only ``object/info`` shows.

    ``afford`` raises BudgetError before an object that a budget has no room for; StateError where ``go_on``
    says behind a page of a listing that it is to stop.
    """
    found = StorageVerdict()
    odd: list[str] = []
    theirs = {name: each for name, each in buckets(old, odd.append).items() if settings.includes(name)}
    ours = buckets(new, lambda _id: None)
    unnamed = (name for name in odd if settings.includes(name))
    found.missing += [f"bucket {name!r}, which no address can name" for name in unnamed]
    others = has_other_etags(progress) and not has_md5(progress)
    for name, bucket in theirs.items():
        there = ours.get(name)
        if there is None:
            found.missing.append(f"bucket {name}")
        elif differ := there.differs(bucket):
            found.changed[f"bucket {name}"] = differ
        for side, client in (("OLD", old), ("NEW", new)):
            progress.forget_listed(side, name)
            for page in pages(client, name, go_on) if side == "OLD" or there else ():
                progress.note(side, name, page)
        _Bucket(old, new, progress, name, found, settings, exact, others, afford).compare()
    found.extra += [f"bucket {name}" for name in ours if name not in theirs and settings.includes(name)]
    by_sql = False
    if sql:
        _count(found, sql, progress, list(theirs))
        by_sql = not exact and _compare_metadata(found, sql, settings, list(theirs))
    if found.robots:
        what = counted(len(found.robots), "object has", "objects have")
        found.remarks.append(f"{what} another x-robots-tag in NEW, such as {visible(found.robots[0])}")
    if not theirs:
        found.remarks.append("OLD shows no buckets: a key that may not see them is answered in the same way")
    found.remarks += [_UNCOMPARED] if exact or by_sql else [_METADATA, _UNCOMPARED]
    return found


@dataclass
class _Bucket:
    """One bucket that was listed on both sides."""

    old: StorageClient
    new: StorageClient
    progress: StorageProgress
    name: str
    found: StorageVerdict
    settings: StorageSettings
    exact: bool
    other_etags: bool
    """Whether no ETag of OLD has been the MD5 of its bytes, and one certainly is not."""
    afford: Callable[[str, int], None]

    def compare(self) -> None:
        self.found.old += self.progress.counted("OLD", self.name)[0]
        self.found.new += self.progress.counted("NEW", self.name)[0]
        for left, right, known in self.progress.pairs(self.name):
            name = left.name if left else right.name if right else ""
            shown = f"{self.name}/{name}"
            if shown in self.settings.exclude:
                continue
            if left is None:
                self.found.extra.append(shown)
                continue
            differ: list[str] = []
            if right is None:
                self.found.missing.append(shown)
            elif differ := self._differ(left, right, known):
                self.found.changed[shown] = differ
            elif left.robots != right.robots:
                self.found.robots.append(shown)
                differ = ["x-robots-tag"]
            if (differ or right is None) and (doubt := doubt_of(left, right, known, differ)):
                self.found.doubts.setdefault(self.name, []).append(doubt)

    def _differ(self, left: StoredObject, right: StoredObject, known: Known | None) -> list[str]:
        pairs = {
            "size": (left.size, right.size),
            "content type": (left.mimetype, right.mimetype),
            "cache control": (left.cache, right.cache),
        }
        differ = [what for what, (mine, its) in pairs.items() if mine != its]
        if self.exact and "size" not in differ:
            differ += self._exactly(left, right)
            return differ
        method = self._proof(left, right, known)
        self.found.methods[method or BY_HASH] += 1
        return differ if method else [*differ, "bytes"]

    def _proof(self, left: StoredObject, right: StoredObject, known: Known | None) -> str | None:
        """By what the bytes are known to be equal; None where they differ."""
        if left.md5 and left.md5 == right.md5:
            return BY_HASH
        if known and known.md5 and known.etag == left.etag and known.is_in(right):
            if known.proven or known.md5 == left.md5:
                return BY_COPY
            if not left.md5 or self.other_etags:
                return BY_COPY_ALONE
        return None if left.md5 and right.md5 else BY_SIZE

    def _exactly(self, left: StoredObject, right: StoredObject) -> list[str]:
        """What differs once both are read."""
        self.afford("OLD", left.size)
        self.afford("NEW", right.size)
        try:
            told = [looked_up(client, self.name, left.name) for client in (self.old, self.new)]
            hashes = [self._read_again(self.old, left), self._read_again(self.new, right)]
        except ObjectError as err:
            return [f"not read: {err.message}"]
        except httpx.TransportError as err:
            raise later("OLD or NEW", described(err)) from None
        self.found.methods[BY_BYTES] += 1
        differ = ["bytes"] if hashes[0] != hashes[1] else []
        metadata = [each[1] or None if each else None for each in told]
        if UNKNOWN in metadata:
            return [*differ, "user metadata: not read"]
        return differ + ([] if same_values(*metadata) else ["user metadata"])

    def _read_again(self, client: StorageClient, each: StoredObject) -> str:
        """As `_read`, once more where a connection breaks: all that was read before is not read in vain."""
        try:
            return self._read(client, each)
        except httpx.TransportError:
            self.afford(client.project, each.size)
            return self._read(client, each)

    def _read(self, client: StorageClient, each: StoredObject) -> str:
        digest, number = sha256(), 0
        path = path_of("object", "authenticated", self.name, key=each.name)
        with client.stream(path, max(each.size, 0)) as response:
            told = response.headers.get("etag")
            if told is not None and plain_etag(told) != each.etag:
                raise ChangedError(f"{self.name}/{each.name}", client.project)
            for piece in response.iter_raw():
                digest.update(piece)
                number += len(piece)
        if number != each.size:
            what = f"{number:,} bytes came, and {each.size:,} are listed"
            raise ObjectError("refused", f"{client.project}: {what}")
        return digest.hexdigest()


def _count(found: StorageVerdict, sql: Sql, progress: StorageProgress, names: Sequence[str]) -> None:
    """What the database counts: a listing that is empty is no proof of an empty bucket."""
    for side in ("OLD", "NEW"):
        try:
            with sql(side) as session:
                wrong = None if session is None else _uncounted(session, progress, side, names)
        except SupasyncError as err:
            found.remarks.append(f"{side}'s listing was not compared with storage.objects: {err.message}")
            continue
        if wrong is None:
            found.remarks.append(f"{side}'s listing was not compared with storage.objects: no connection")
        elif not wrong:
            found.remarks.append(f"{side}'s listing has as many objects as storage.objects")
        for name, what in (wrong or {}).items():
            found.changed.setdefault(f"bucket {name}", []).append(what)


def _compare_metadata(
    found: StorageVerdict, sql: Sql, settings: StorageSettings, names: Sequence[str]
) -> bool:
    """Compare user metadata in both databases; False where either does not answer."""
    try:
        with sql("OLD") as old, sql("NEW") as new:
            if old is None or new is None:
                return False
            for bucket in names:
                left, right = (
                    dict(each.query(_MARKS, [bucket], purpose="storage list")) for each in (old, new)
                )
                lone = {*found.missing, *found.extra, *settings.exclude}
                for name in sorted(left.keys() | right.keys()):
                    shown = f"{bucket}/{name}"
                    if left.get(name) != right.get(name) and shown not in lone:
                        found.changed.setdefault(shown, []).append("user metadata")
    except SupasyncError:
        return False
    return True


def _uncounted(
    session: SqlSession, progress: StorageProgress, side: str, names: Sequence[str]
) -> dict[str, str]:
    """The buckets whose listing shows another number of objects than the database has."""
    found = {}
    for name in names:
        [(number,)] = session.query(_COUNT, [name], purpose="storage list")
        listed = progress.counted(side, name)[0]
        if number != listed:
            found[name] = f"{side}'s listing shows {listed:,} of {number:,} objects in storage.objects"
    return found
