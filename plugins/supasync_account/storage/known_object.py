"""What this machine knows of an object that it has copied, and whether NEW's is still that one."""

from dataclasses import dataclass

from supasync_account.storage.object_listing import StoredObject


@dataclass(frozen=True, slots=True)
class Known:
    """OLD's values of then, the MD5 of the bytes that were sent, and NEW's ETag where that is not the MD5."""

    size: int
    etag: str
    mimetype: str
    cache: str
    md5: str | None
    new_etag: str
    proven: bool = False
    """Whether these are OLD's bytes although its ETag is no MD5: it is of parts, or they came twice."""
    tags: str = ""
    """OLD's x-robots-tag and the other one that NEW has kept in its place, as of `tags_of`."""

    @property
    def etag_in_new(self) -> str | None:
        """NEW's ETag of the object as it was copied."""
        return self.new_etag or self.md5

    def is_in(self, new: StoredObject) -> bool:
        """Whether NEW's object is as it was copied: else somebody has changed it there."""
        same = (new.size, new.mimetype, new.cache) == (self.size, self.mimetype, self.cache)
        return same and new.etag == self.etag_in_new
