"""Two projects with files: rows and Storage on one address each, and the command between."""

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from tests.e2e.workspace import ENDS, NEW_KEY, OLD_KEY, Completed, End, Workspace, between
from tests.postgrest.launch import Server
from tests.servers.hosted import HOSTED, OWNER, STORAGE, Hosted
from tests.servers.postgres import Cluster
from tests.storage.files import Files
from tests.storage.launch import serve

TABLES = f"""
grant create on schema public to {OWNER};
set role {OWNER};
create table public.notes (id bigint primary key, updated_at timestamptz not null default now());
reset role;
"""
SCHEMA = HOSTED + STORAGE + TABLES
CONFIG = ENDS + "storage: {}\ntables:\n  notes:\n"
EMPTY = """
delete from public.notes;
begin; set local storage.allow_delete_query = 'true';
delete from storage.objects; delete from storage.buckets; commit;
"""
APP = httpx.Client(timeout=30, headers={"x-app": "its own"})
FAST = """
from supasync_account.storage.storage_client import StorageClient
StorageClient.sleep = lambda self, seconds: None
"""

PAGES_OF_ONE = """
from supasync_core.usage import listing_limit
from supasync_account.storage import object_listing
object_listing.AT_ONCE = 1
listing_limit.time = type("Passing", (), {"monotonic": iter(range(0, 10**9, 10**6)).__next__})
"""
"""A page has one object, and each look at the clock takes days."""


@dataclass
class Side:
    """One project's Storage, asked as its own app would."""

    end: End
    key: str
    place: Path

    @property
    def files(self) -> Files:
        """The folder of its files."""
        return Files(self.place / self.end.database)

    @property
    def database(self) -> Hosted:
        """The database as its owner."""
        return Hosted(self.end.cluster, self.end.database)

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """A request to Storage that must succeed."""
        url = self.end.server.url.removesuffix("/rest/v1") + "/storage/v1/" + path
        headers = {"apikey": self.key, **options.pop("headers", {})}
        response = APP.request(method, url, headers=headers, **options)
        assert response.is_success, response.text
        return response

    def bucket(self, name: str, **settings: Any) -> None:
        """Make a bucket."""
        self.ask("POST", "bucket", json={"name": name, **settings})

    def put(self, bucket: str, name: str, body: bytes, **headers: str) -> None:
        """Upload an object, over any other."""
        told = {"content-type": "text/plain", "x-upsert": "true"}
        told |= {each.replace("_", "-"): value for each, value in headers.items()}
        self.ask("POST", f"object/{bucket}/{quote(name)}", content=body, headers=told)

    def get(self, bucket: str, name: str) -> bytes:
        """An object's bytes."""
        return self.ask("GET", f"object/authenticated/{bucket}/{quote(name)}").content

    def remove(self, bucket: str, name: str) -> None:
        """Delete an object."""
        self.ask("DELETE", f"object/{bucket}/{quote(name)}")

    def objects(self) -> list[tuple[Any, ...]]:
        """All objects without what each project has of its own."""
        return self.database.paste(
            "select bucket_id, name, metadata ->> 'size', metadata ->> 'eTag', metadata ->> 'mimetype', "
            "metadata ->> 'cacheControl', coalesce(user_metadata, '{}')::text "
            "from storage.objects order by 1, 2"
        )

    def buckets(self) -> list[tuple[Any, ...]]:
        """All buckets with their settings."""
        return self.database.paste(
            "select id, name, public, file_size_limit, allowed_mime_types::text "
            "from storage.buckets order by 1"
        )

    def sent(self) -> list[tuple[str, str]]:
        """Method and path of what Storage was asked since the last call."""
        found = [(each["method"], each["path"]) for each in self.end.server.requests()]
        self.end.server.reset()
        return [(method, path) for method, path in found if path.startswith("/storage/v1/")]


@dataclass
class Storages:
    """Both of them."""

    space: Workspace
    place: Path

    @property
    def old(self) -> Side:
        """OLD."""
        return Side(self.space.old, OLD_KEY, self.place)

    @property
    def new(self) -> Side:
        """NEW."""
        return Side(self.space.new, NEW_KEY, self.place)

    def run(self, *args: str, code: int = 0) -> Completed:
        """Run `supasync storage`; it must end with that code."""
        done = self.space.supasync("storage", *args)
        assert done.code == code, done.out + done.err
        return done

    def kill(self, before: str) -> None:
        """Kill a run, ``before`` which this code runs, while NEW holds a request; its lease ends."""
        usual, self.space.before = self.space.before, self.space.before + before
        try:
            with self.space.command("storage", "sync") as process:
                self.space.new.server.wait_held()
                process.send_signal(signal.SIGKILL)
                process.wait()
        finally:
            self.space.before = usual
        self.space.new.server.behave()
        ended = "update public.sync_metadata set lease_until = now() where lease_until > now()"
        self.new.database.paste(ended)

    def assert_equal(self) -> None:
        """Both sides have the same buckets and objects, byte for byte."""
        assert self.new.buckets() == self.old.buckets()
        assert self.new.objects() == self.old.objects()
        for bucket, name, *_ in self.old.objects():
            assert self.new.get(bucket, name) == self.old.get(bucket, name), name


@contextmanager
def storages(
    cluster: Cluster, folder: Path, config: str = CONFIG, *, most: int = 50_000_000, s3: bool = False
) -> Iterator[Storages]:
    """Both projects set up; ``most`` is what NEW's project takes for a file; ``s3``: as hosted."""

    def opened(cluster: Cluster, database: str, keys: Mapping[str, str]) -> Server:
        files = folder / database
        files.mkdir()
        limit = most if NEW_KEY in keys else 200_000_000
        return serve(cluster.url(database, "authenticator"), files, keys=keys, most=limit, s3=s3)

    work = folder / "work"
    work.mkdir()
    with between(cluster, work, SCHEMA, SCHEMA, config, opened=opened) as space:
        space.before += FAST
        made = Storages(space, folder)
        made.old.database.paste(space.supasync("schema", "sql", "--old").out)
        made.new.database.paste(space.supasync("schema", "sql").out)
        done = space.supasync("setup")
        assert done.code == 0, done.out + done.err
        space.keep()
        yield made
