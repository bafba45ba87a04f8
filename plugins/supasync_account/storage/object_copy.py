"""One object from OLD to NEW as a stream: its bytes, content type, cache control and user metadata.

It goes up as it is, not as a form: only so are content type and cache control stored exactly as they are
sent. What is read is what was listed, by ETag and length, or the object has changed meanwhile.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import httpx

from supasync_account.decoding import same_values
from supasync_account.storage.body_digest import BodyDigest
from supasync_account.storage.header_values import encoded_json, sendable
from supasync_account.storage.object_listing import UNKNOWN, StoredObject, listed, looked_up
from supasync_account.storage.object_reads import refuse_other
from supasync_account.storage.read_allowance import LeftError, Share
from supasync_account.storage.resumable_upload import LARGE, ResumableUpload, Uploads
from supasync_account.storage.storage_client import StorageClient, described, path_of
from supasync_account.storage.storage_errors import AlteredError, ChangedError, ObjectError, later
from supasync_core.api.registration import Fence
from supasync_core.api.retries import retrying
from supasync_core.model.errors import TransientError

PIECE: Final = 65_536
_TRIES: Final = 3
_PART: Final = 5 * 1024 * 1024
"""Bytes of an object from which on NEW's Storage may store it in parts; its ETag is no MD5 then."""
NEWER: Final = "to take OLD's: supasync storage sync --accept newer"
_FORM: Final = "multipart/form-data"
"""A type of which Storage takes what is sent in one piece for a form, and keeps a part of it as the file."""
_DELETED: Final = "deleted in OLD while it was copied"
_UNSEEN: Final = "NEW does not show its user metadata: a firewall may refuse its name"
_OTHER_TAG: Final = "NEW has kept another x-robots-tag than was sent; it is not sent again for that"


@dataclass(frozen=True, slots=True)
class Task:
    """An object to be copied; ``replaces`` NEW's of this name. ``metadata`` is the user's, once known.

    ``equal``: NEW has these bytes already, and only user metadata is left to be compared.
    """

    bucket: str
    listed: StoredObject
    replaces: bool = False
    equal: StoredObject | None = None
    metadata: Any = UNKNOWN
    md5: str | None = None
    """That of equal bytes, where it was taken when they were copied."""
    came: str | None = None
    """That of the bytes that came before, where it was not OLD's ETag."""
    before: tuple[str, str] = "", ""
    """NEW's ETag and the MD5 of the bytes that are replaced, where both are known."""
    again: bool = False
    """Whether it is sent because something differs: what NEW has made of its x-robots-tag is looked up."""
    tags: str = ""
    """That tag and the one that NEW has kept in its place, as of `StoredObject.tags_of`."""

    @property
    def shown(self) -> str:
        """The name for messages."""
        return f"{self.bucket}/{self.listed.name}"


@dataclass(frozen=True, slots=True)
class Copied:
    """What NEW has confirmed; ``md5`` is that of the bytes that were sent, where they went in one go.

    ``etag`` is NEW's own where it was asked, empty where it is the MD5.
    """

    task: Task
    md5: str | None
    etag: str = ""
    sent: bool = True
    """Whether its bytes travelled."""
    seen: bool = False
    """Whether NEW was asked for it since, and showed it."""
    proven: bool = False
    """Whether these are OLD's bytes although its ETag is no MD5: it is of parts, or they came twice."""
    remark: str = ""
    """What could not be seen of it in NEW."""


@dataclass
class Copier:
    """Copies objects, for several threads at once. ``md5_etags``: whether NEW's ETags are MD5, once known."""

    old: StorageClient
    new: StorageClient
    fence: Fence
    uploads: Uploads
    refuse_private: Callable[[str], None] = lambda _bucket: None
    """Asked of the bucket of an object that has changed since it was listed; ObjectError where it waits."""
    md5_etags: bool | None = None
    old_md5: bool = False
    """Whether an ETag of OLD has been the MD5 of its bytes."""
    other_etags: bool = False
    """Whether OLD has sent the same bytes twice under an ETag that is not their MD5."""

    def copy(self, task: Task, share: Share) -> Copied:
        """Copy it, again where it changes meanwhile or a connection breaks; ``share`` is what it may read.

        ObjectError where it cannot be copied, TransientError where it may be later, and those of `Share.ask`.
        """
        try:
            return self._tagged(self._tried(task, share))
        finally:
            share.end()

    def _tried(self, task: Task, share: Share) -> Copied:
        form = task.listed.mimetype.lower().startswith(_FORM)
        sent = task.listed.size > LARGE and self.uploads.begun(task.bucket, task.listed)
        err: Exception | None = None
        for attempt in range(1, _TRIES + 1):
            try:
                if task.equal and (same := self._compared(task, task.equal)):
                    return same
                pieces = form or (sent and task.listed.size > LARGE)
                if pieces and not task.listed.robots:  # pieces have no such tag
                    return self._resumed(task, share)
                return self._again(self._streamed(self._with_metadata(task), share))
            except ChangedError as changed:
                err, sent = changed, False
                task = self._as_it_is(task)
            except httpx.TransportError as broken:
                err, sent = broken, True
                self._wait(task, attempt, err, 1.0)
            except LeftError as left:  # what came with other bytes than its ETag says is never merely left
                raise (err if isinstance(err, AlteredError) else left) from None
            except ObjectError as refused:
                if attempt < _TRIES and not isinstance(err, AlteredError):
                    _ask_again(task, refused, share)
                again = err is not None
                if again and refused.kind == "exists" and (arrived := self._arrived(task, refused)):
                    return arrived
                task, err = _next(task, refused, again=again), refused
                self._wait(task, attempt, err, max(1.0, refused.pause))
        raise err if isinstance(err, ObjectError) else later("OLD or NEW", described(err))

    def _tagged(self, copied: Copied) -> Copied:
        """With the x-robots-tag that NEW has kept of one that was sent again: not every Storage keeps it."""
        task = copied.task
        if not task.again:
            return copied
        try:
            there = listed(self.new, task.bucket, task.listed.name)
        except (ObjectError, TransientError, httpx.TransportError):
            return copied  # it is confirmed; its tag is looked at again by `verify`
        tags = task.listed.tags_of(there) if there else ""
        remark = copied.remark or (_OTHER_TAG if tags else "")
        return replace(copied, task=replace(task, tags=tags), remark=remark)

    def _wait(self, task: Task, attempt: int, err: Exception, seconds: float) -> None:
        """Wait before another attempt; before the error that ends them, too."""
        if attempt < _TRIES:
            said = f"{task.shown} was not copied ({described(err)})"
            retrying(said, retry=attempt, retries=_TRIES - 1, seconds=seconds)
        self.new.sleep(seconds)

    def _compared(self, task: Task, there: StoredObject) -> Copied | None:
        """NEW's object as a copy where user metadata is equal; None where it is to be replaced."""
        listed, metadata = self._of_old(task)
        if listed.etag != task.listed.etag:
            raise ChangedError(task.shown)
        new = looked_up(self.new, task.bucket, task.listed.name)
        unseen = new is not None and new[1] is UNKNOWN
        if new is not None and (unseen or same_values(metadata or None, new[1] or None)):
            known = there.md5 or task.md5
            etag = "" if there.etag == known else there.etag
            return Copied(task, known, etag, sent=False, remark=_UNSEEN if unseen else "")
        if not task.replaces:
            raise ObjectError("exists", f"NEW: {task.shown} has other user metadata", hint=NEWER)
        return None

    def looked_ahead(self, task: Task) -> Task:
        """The task with its user metadata, where that is found at once; `copy` looks again at any other."""
        try:
            return task if task.equal else self._with_metadata(task)
        except (ObjectError, ChangedError, TransientError):
            return task

    def _with_metadata(self, task: Task) -> Task:
        """The task with what only ``object/info`` shows of it."""
        if task.metadata is not UNKNOWN:
            return task
        listed, metadata = self._of_old(task)
        if listed.etag != task.listed.etag:
            raise ChangedError(task.shown)
        return replace(task, metadata=metadata)

    def _of_old(self, task: Task) -> tuple[StoredObject, Any]:
        """OLD's object and its user metadata; ObjectError where it is gone, or that cannot be seen."""
        found = looked_up(self.old, task.bucket, task.listed.name)
        if found is None:
            raise ObjectError("gone", _DELETED)
        if found[1] is UNKNOWN:
            raise ObjectError("refused", "OLD lists it, and does not show its user metadata")
        return found

    def _as_it_is(self, task: Task) -> Task:
        """The same object of OLD as it is now; when it was changed, only a listing says."""
        now, metadata = self._of_old(task)
        self.refuse_private(task.bucket)
        listed = replace(now, robots=task.listed.robots)
        replaces = task.replaces or bool(task.equal)
        return replace(task, listed=listed, metadata=metadata, equal=None, replaces=replaces, came=None)

    def _streamed(self, task: Task, share: Share) -> Copied:
        """One download that is the body of one upload; nothing is held but a piece of it."""
        listed, digest = task.listed, BodyDigest(task.listed)
        if listed.size > LARGE:
            self.uploads.begin(task.bucket, listed, "", task.came or "")
        headers = {
            "Content-Type": listed.mimetype,
            "Content-Length": str(listed.size),
            "Cache-Control": listed.cache,
            "x-upsert": "true" if task.replaces else "false",
            **({"x-robots-tag": listed.robots} if listed.robots else {}),
            **({"x-metadata": encoded_json(task.metadata)} if task.metadata else {}),
        }
        sendable(headers)  # before OLD is read for nothing
        path = path_of("object", "authenticated", task.bucket, key=listed.name)
        with share.stream(self.old, path, max(listed.size, 0)) as response:
            refuse_other(task.shown, listed, response)

            def body() -> Iterator[bytes]:
                for piece in response.iter_raw(PIECE):
                    digest.update(piece)
                    yield piece

            self.fence.ask()
            upload = path_of("object", task.bucket, key=listed.name)
            self.new.once("POST", upload, headers=headers, content=body())
        return Copied(task, digest.md5, proven=self._proven(task, digest))

    def _proven(self, task: Task, digest: BodyDigest) -> bool:
        """Whether they are OLD's bytes although the ETag is not their MD5; AlteredError as `_check`."""
        return self._check(task, digest.md5) or digest.has_etag_of_parts

    def _check(self, task: Task, digest: str) -> bool:
        """AlteredError where the bytes that came are not those of the ETag: something may have changed them.

        A server that encrypts has ETags that are no MD5. So the same bytes a second time are believed, and
        True is returned. Behind them others are believed at once, until an ETag is an MD5 (`disproved`).
        """
        if task.listed.md5 == digest:
            self.old_md5 = True
        elif task.listed.md5 and task.came == digest:
            self.other_etags = True
            return True
        elif task.listed.md5 and (self.old_md5 or not self.other_etags):
            self.uploads.begin(task.bucket, task.listed, "", digest)
            raise AlteredError(task.shown, digest)
        return False

    def _resumed(self, task: Task, share: Share) -> Copied:
        task = self._with_metadata(task)
        digest = ResumableUpload(self.old, self.new, self.fence, self.uploads, share).send(
            task.bucket, task.listed, task.metadata, replaces=task.replaces
        )
        if digest:
            return self._confirmed(Copied(task, digest.md5, proven=self._proven(task, digest)))
        try:
            copied = self._confirmed(Copied(task, None))
        except ObjectError as err:  # what NEW calls complete may have ended without an object
            self.uploads.begin(task.bucket, task.listed, "")
            raise ObjectError("busy", err.message) from None
        if self.md5_etags and not copied.etag.count("-"):
            return replace(copied, proven=self._check(task, copied.etag))
        return copied

    def _again(self, copied: Copied) -> Copied:
        """With NEW's ETag where it is not the MD5 of the bytes: of parts, or of a server that encrypts.

        User metadata is looked up as well: no listing shows whether NEW has kept it.
        """
        if copied.task.listed.size < _PART and self.md5_etags and not copied.task.metadata:
            return copied
        return self._confirmed(copied)

    def _confirmed(self, copied: Copied) -> Copied:
        task = copied.task
        found = looked_up(self.new, task.bucket, task.listed.name)
        if found is None or found[0].size != task.listed.size:
            raise ObjectError(
                "refused", f"NEW: {task.shown} is not there after it was sent, or of another size"
            )
        etag, md5 = task.before
        if etag and found[0].etag == etag and copied.md5 != md5:
            raise ObjectError("busy", f"NEW: {task.shown} is still the one that was to be replaced")
        unseen = bool(task.metadata) and found[1] is UNKNOWN
        same = found[1] is UNKNOWN or same_values(task.metadata or None, found[1] or None)
        if not (found[0].looks_like(task.listed) and same):
            what = "another content type, cache control or user metadata than was sent"
            raise ObjectError("refused", f"NEW: {task.shown} was stored with {what}")
        if task.listed.size < _PART and copied.md5:
            self.md5_etags = found[0].etag == copied.md5
        etag = "" if found[0].etag == copied.md5 else found[0].etag
        return replace(copied, etag=etag, seen=True, remark=_UNSEEN if unseen else "")

    def _arrived(self, task: Task, refused: ObjectError) -> Copied | None:
        """What an earlier attempt has sent, whose answer was lost; the error where NEW has another object.

        None where it looks like it and only its bytes could tell: it is sent again.
        """
        found = looked_up(self.new, task.bucket, task.listed.name)
        if found is None or not found[0].looks_like(task.listed):
            raise refused
        same = found[0].md5 is not None and found[0].md5 == task.listed.md5
        return self._confirmed(Copied(self._with_metadata(task), found[0].md5)) if same else None


def _ask_again(task: Task, refused: ObjectError, share: Share) -> None:
    """Make sure that bytes that are to be proven may be read a second time."""
    if isinstance(refused, AlteredError):
        share.ask_again(task.listed.size)


def _next(task: Task, refused: ObjectError, *, again: bool) -> Task:
    """The task for another attempt; the error itself where there is none."""
    ours = isinstance(refused, AlteredError) or (again and refused.kind == "exists")
    if not ours and refused.kind != "busy":
        raise refused
    came = refused.md5 if isinstance(refused, AlteredError) else task.came
    return replace(task, replaces=task.replaces or ours, came=came)
