"""Objects for tests, put into a project's database and folder: thousands in the time of a few requests."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.types.json import Jsonb

from .files import Kept

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .files import Files

MIB = 1 << 20
PIECE = 6 * MIB
"""What an upload in pieces sends at once: a copier's ways part here."""
COUNT = 2500
ODD = (
    *(
        "k",
        "k.txt",
        "k copy",
        "k-b",
        "k/",
        "k/a",
        "K",
        "Fo/a",
        "fo/b",
        "a//b",
        "/lead.txt",
        "//",
        "dir/",
        "dir//",
    ),
    *(
        ".hidden",
        "...",
        "a+b",
        "a&b=c;d,e:f@g$h!i*(j)'k?l.txt",
        "trailing ",
        " leading",
        "x = y.txt",
        "?",
        "&",
        "+",
    ),
    *(
        "info/a",
        "public/a",
        "authenticated/a",
        "list/a",
        "list-v2",
        "copy",
        "move",
        "sign/a",
        "upload/resumable",
    ),
    *("new folder/.emptyFolderPlaceholder", "/".join(f"level{n:02}" for n in range(12)), "L" * 255),
    "/".join("x" * 199 for _ in range(5)),
)
"""Names that are legal, and that a copier may take for something else."""
TYPES = (
    *("text/plain", "text/plain; charset=utf-8", "text/html", "image/png", "application/json"),
    *("application/octet-stream", "video/mp4", "application/x-invented; a=1"),
)
CACHES = ("no-cache", "max-age=3600", "public, max-age=31536000, immutable", "3600", "max-age=max-age=3600")
OWN: tuple[Any, ...] = (
    {},
    None,
    {"camera": "Invented X1", "tags": ["a", "b"], "n": 7},
    {"title": "Ünïcödé ☂", "deep": {"er": [1, 2.50, None, True]}},
)


@dataclass(frozen=True)
class Object:
    """One, as its app has sent it."""

    name: str
    body: bytes
    mimetype: str = "text/plain"
    cache_control: str = "max-age=3600"
    user_metadata: Any = None
    robots: str | None = None
    owner_id: str | None = None


def many(count: int = COUNT) -> Iterator[Object]:
    """So many: odd names first, then pictures with thumbnails, whose names begin alike; a few are empty."""
    for number, name in enumerate(_names(count)):
        body = b"" if number % 50 == 0 or name.endswith("Placeholder") else f"{number} {name}\n".encode()
        yield Object(
            name,
            body,
            TYPES[number % len(TYPES)],
            CACHES[number % len(CACHES)],
            OWN[number % len(OWN)] if number % 3 == 0 else {},
            "noindex, nofollow" if number % 40 == 3 else None,
            f"auth0|invented-{number}" if number % 7 == 0 else None,
        )


def _names(count: int) -> Iterator[str]:
    yield from ODD[:count]
    for number in range((count - len(ODD) + 1) // 2):
        yield f"p-{number:04}"
        if len(ODD) + 2 * number + 1 < count:
            yield f"p-{number:04}-thumb"


def large() -> Iterator[Object]:
    """A piece, a byte more, and 50 MB."""
    for name, size in (("piece.bin", PIECE), ("piece-and-one.bin", PIECE + 1), ("fifty.bin", 50_000_000)):
        yield Object(name, patterned(size), "application/octet-stream", CACHES[2], {"size": str(size)})


def patterned(size: int) -> bytes:
    """Bytes of which no two pieces are equal."""
    block = bytes(range(256)) * 256
    parts = (number.to_bytes(8, "big") + block for number in range(size // len(block) + 1))
    return b"".join(parts)[:size]


def put(database_url: str, files: Files, bucket: str, objects: Iterable[Object]) -> int:
    """Put objects into a bucket, which is made where it is missing; how many.

    `database_url` is of a superuser, or of `supabase_storage_admin`.
    """
    statement = """
        insert into storage.objects (bucket_id, name, version, metadata, user_metadata, owner_id)
        select * from jsonb_to_recordset(%s) as o(
          bucket_id text, name text, version text, metadata jsonb, user_metadata jsonb, owner_id text)"""
    rows = [_written(files, bucket, each) for each in objects]
    with psycopg.connect(database_url) as connection:
        made = "insert into storage.buckets (id, name) values (%s, %s) on conflict do nothing"
        connection.execute(made, [bucket, bucket])
        connection.execute(statement, [Jsonb(rows)])
        connection.execute(b"analyze storage.objects")
    return len(rows)


def _written(files: Files, bucket: str, each: Object) -> dict[str, Any]:
    etag = files.etag(each.body)
    kept = Kept(etag, len(each.body), each.mimetype, each.cache_control, each.robots)
    return {
        "bucket_id": bucket,
        "name": each.name,
        "version": files.write(bucket, each.name, each.body, kept),
        "metadata": kept.metadata(),
        "user_metadata": each.user_metadata,
        "owner_id": each.owner_id,
    }


def described(database_url: str, files: Files) -> list[tuple[str, ...]]:
    """Every object of a project with its bytes' hash: equal lists are equal files."""
    query = """
        select bucket_id, name, version, metadata ->> 'mimetype', metadata ->> 'cacheControl',
          coalesce(metadata ->> 'xRobotsTag', ''), coalesce(user_metadata, '{}')::text
        from storage.objects order by bucket_id, name collate "C\""""
    found = []
    with psycopg.connect(database_url) as connection:
        for bucket, name, version, *told in connection.execute(query):
            path, kept = files.read(bucket, name, version)
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            served = json.dumps([kept.mimetype, kept.cache_control])
            found.append((bucket, name, digest, served, *told))
    return found
