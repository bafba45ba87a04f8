"""What one project holds besides rows: accounts, buckets and objects; by SQL where there is a connection."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

from supasync_account.auth.keys_listing import accounts_of
from supasync_account.storage.bucket_settings import buckets
from supasync_account.storage.object_listing import pages
from supasync_account.storage.storage_client import StorageClient
from supasync_account.storage.storage_errors import ObjectError
from supasync_core.api.run_step import StepContext
from supasync_core.api.sql_session import SqlSession
from supasync_core.model.errors import SupasyncError
from supasync_core.model.quantities import format_size
from supasync_core.model.wording import counted

UNKNOWN: Final = "unknown"
_ACCOUNTS: Final = "select pg_catalog.count(*) from auth.users"
_OBJECTS: Final = """
select b.id, b.public, pg_catalog.count(o.id),
    coalesce(pg_catalog.sum((o.metadata ->> 'size')::pg_catalog.int8), 0)::pg_catalog.int8
from storage.buckets b left join storage.objects o on o.bucket_id = b.id group by b.id order by b.id
"""


@dataclass(frozen=True, slots=True)
class HeldBucket:
    """A bucket of files."""

    name: str
    public: bool
    objects: int
    bytes: int


@dataclass(frozen=True, slots=True)
class HeldBesidesRows:
    """What was found; None where it could not be asked, and ``flaws`` say why."""

    accounts: int | None
    buckets: tuple[HeldBucket, ...] | None
    flaws: tuple[str, ...] = ()

    @property
    def accounts_shown(self) -> str:
        """``214 accounts``."""
        if self.accounts is None:
            return UNKNOWN
        return counted(self.accounts, "account", "accounts") if self.accounts else "none"

    @property
    def files_shown(self) -> str:
        """``3 buckets, 1,200 objects, 340.0 MB``."""
        if self.buckets is None:
            return UNKNOWN
        if not self.buckets:
            return "none"
        objects, size = (sum(getattr(each, name) for each in self.buckets) for name in ("objects", "bytes"))
        number = counted(len(self.buckets), "bucket", "buckets")
        return f"{number}, {counted(objects, 'object', 'objects')}, {format_size(size)}"

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        held = (
            None
            if self.buckets is None
            else [
                {"name": each.name, "public": each.public, "objects": each.objects, "bytes": each.bytes}
                for each in self.buckets
            ]
        )
        return {"accounts": self.accounts, "buckets": held, "flaws": list(self.flaws)}


def held_by(context: StepContext, project: str) -> HeldBesidesRows:
    """Ask the project; nothing is written, and what cannot be asked is among the flaws."""
    flaws: list[str] = []
    try:
        with context.sql(project) as session:
            if session is not None:
                return _by_sql(session)
    except SupasyncError as err:
        flaws.append(f"{project}: not asked by SQL: {err.message}")
    access = context.api(project)
    if access is None:
        return HeldBesidesRows(None, None, (*flaws, f"{project}: neither its API nor its database is known"))
    accounts: int | None = None
    found: tuple[HeldBucket, ...] | None = None
    try:
        accounts = accounts_of(access, context.ledger, project)
    except SupasyncError as err:
        flaws.append(f"{project}: accounts were not counted: {err.message}")
    try:
        with closing(StorageClient(access, project, context.ledger)) as client:
            odd: list[str] = []
            found = _by_listing(client, context.go_on, odd)
            flaws += [
                f"{project}: no address can name the bucket {name!r}: its files were not counted"
                for name in odd
            ]
    except SupasyncError as err:
        if isinstance(err, ObjectError) and err.kind == "missing":
            found = ()  # a server without Storage
        else:
            flaws.append(f"{project}: files were not counted: {err.message}")
    return HeldBesidesRows(accounts, found, tuple(flaws))


def _by_sql(session: SqlSession) -> HeldBesidesRows:
    [(accounts,)] = session.query(_ACCOUNTS, purpose="storage list")
    rows = session.query(_OBJECTS, purpose="storage list")
    return HeldBesidesRows(accounts, tuple(HeldBucket(*row) for row in rows))


def _by_listing(client: StorageClient, go_on: Callable[[], bool], odd: list[str]) -> tuple[HeldBucket, ...]:
    found = []
    for name, bucket in buckets(client, odd.append).items():
        objects = size = 0
        for page in pages(client, name, go_on):
            objects += len(page)
            size += sum(max(each.size, 0) for each in page)
        found.append(HeldBucket(name, bucket.public, objects, size))
    return tuple(found)
