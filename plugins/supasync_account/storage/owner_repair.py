"""With a connection: an object's owner and times, which the API cannot set, are OLD's again.

`owner_id` is what policies ask for; whoever uploads with a secret key leaves it empty. `updated_at` stays the
time of the copy: a trigger of Storage writes it (recorded). A digest of each side says whether anything is
to be done, so that an hour in which nothing changes costs one query a bucket.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

from supasync_account.storage.storage_progress import StorageProgress
from supasync_account.storage.storage_report import StorageReport
from supasync_core.api.registration import Fence
from supasync_core.api.run_step import StepContext
from supasync_core.api.sql_session import SqlSession
from supasync_core.model.errors import SupasyncError

_AT_ONCE: Final = 1000
_DIGEST: Final = """
select pg_catalog.md5(pg_catalog.string_agg(
    pg_catalog.md5(row(o.name, o.owner, o.owner_id, o.created_at, o.last_accessed_at)::text), ''
    order by o.name collate "C"))
from storage.objects o where o.bucket_id = %s
"""
_READ: Final = """
select o.name, o.owner::text, o.owner_id, o.created_at::text, o.last_accessed_at::text
from storage.objects o where o.bucket_id = %s and o.name collate "C" > %s
order by o.name collate "C" limit %s
"""
_WRITTEN: Final = """
update storage.objects o set owner = v.owner::uuid, owner_id = v.owner_id,
    created_at = v.created_at::timestamptz, last_accessed_at = v.last_accessed_at::timestamptz
from rows from (pg_catalog.unnest(%s::text[]), pg_catalog.unnest(%s::text[]), pg_catalog.unnest(%s::text[]),
        pg_catalog.unnest(%s::text[]), pg_catalog.unnest(%s::text[]), pg_catalog.unnest(%s::text[]))
    as v (name, owner, owner_id, created_at, last_accessed_at, etag)
where o.bucket_id = %s and o.name = v.name and pg_catalog.btrim(o.metadata ->> 'eTag', '"') = v.etag
    and (o.owner::text, o.owner_id, o.created_at, o.last_accessed_at) is distinct from
        (v.owner, v.owner_id, v.created_at::timestamptz, v.last_accessed_at::timestamptz)
returning o.name
"""
_ONLY_SQL: Final = (
    "owner and times of objects are not copied: only SQL can set them (OLD_DATABASE_URL and NEW_DATABASE_URL)"
)


@dataclass
class OwnerRepair:
    """Repairs the objects that NEW has as they were copied; without both sessions it says so."""

    old: SqlSession | None
    new: SqlSession | None
    fence: Fence
    why: str = _ONLY_SQL
    """Why it cannot, where it cannot."""

    def bucket(self, bucket: str, progress: StorageProgress, report: StorageReport) -> None:
        """Repair a bucket; an error is a note, for the bytes have arrived."""
        if self.old is None or self.new is None:
            if report.copied and self.why not in report.notes:
                report.notes.append(self.why)
            return
        try:
            asked = (
                session.query(_DIGEST, [bucket], purpose="storage list") for session in (self.old, self.new)
            )
            if len({digest for [(digest,)] in asked}) > 1:
                self._walk(self.old, self.new, bucket, progress, report)
        except SupasyncError as err:
            report.notes.append(f"owner and times of objects in {bucket} were not copied: {err.message}")

    def _walk(
        self, old: SqlSession, new: SqlSession, bucket: str, progress: StorageProgress, report: StorageReport
    ) -> None:
        last = ""
        while rows := old.query(_READ, [bucket, last, _AT_ONCE], purpose="storage list"):
            last = rows[-1][0]
            ours = progress.known(bucket, [row[0] for row in rows])
            wanted = [(*row, ours[row[0]].etag_in_new) for row in rows if row[0] in ours]
            if wanted:
                self.fence.ask()
                columns = [list(column) for column in zip(*wanted, strict=True)]
                report.repaired += len(new.query(_WRITTEN, [*columns, bucket], purpose="storage write"))


@contextmanager
def repairing(context: StepContext) -> Iterator[OwnerRepair]:
    """One with the sessions that there are; files are copied without a database that answers, too."""
    with ExitStack() as stack:
        sessions: dict[str, SqlSession | None] = {}
        why = _ONLY_SQL
        for project in ("OLD", "NEW"):
            try:
                sessions[project] = stack.enter_context(context.sql(project))
            except SupasyncError as err:
                why = f"owner and times of objects are not copied: {err.message}"
        yield OwnerRepair(sessions.get("OLD"), sessions.get("NEW"), context.fence, why)
