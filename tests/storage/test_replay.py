from __future__ import annotations

import re
import socket
from base64 import b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.servers.hosted import HOSTED, OWNER, STORAGE
from tests.storage import replay
from tests.storage.launch import serve
from tests.storage.left_out import LEFT_OUT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.postgrest.launch import Server
    from tests.servers.postgres import Cluster
    from tests.storage.replay import Answer, Exchange

MOST = {"old": 262144000, "new": 52428800, "s3": 262144000}
LOGINS = {"postgres": OWNER, "supabase_admin": "postgres"}
MIB = 1 << 20
BUCKETS = "insert into storage.buckets (id, name) values "
MANY = (replay.RECORDINGS / "many.sql").read_text()
"""2,500 objects, of which the recordings tell what requests made them in words alone."""
GHOST = "insert into storage.objects (bucket_id, name, version) values ('alpha', 'ghost.txt', 'gone')"
PICTURES = """
insert into storage.buckets (id, name, public, allowed_mime_types)
values ('media', 'media', true, '{image/png}')
"""
MADE = {
    "D01": ("old", "update storage.buckets set public = true where id = 'media'"),
    "L01": ("old", f"{BUCKETS} ('many', 'many'); {MANY}"),
    "S10": ("old", f"{BUCKETS} ('edge', 'edge')"),
    "S60": ("old", f"{BUCKETS} ('pairs', 'pairs')"),
    "H01": ("s3", f"{BUCKETS} ('alpha', 'alpha')"),
    "R09": ("s3", GHOST),
    "N01": ("new", PICTURES),
}
"""SQL that comes before an exchange."""
SENT = {"H05.1": 16 * MIB - 1, "H05.2": 16 * MIB, "H05.3": 16 * MIB + 1, "H05.4": 20 * MIB}
"""Bytes of an object that is sent before an exchange."""
IN_PIECES = {"H06.1": ("t5.bin", 5), "H06.2": ("t20.bin", 20 * MIB)}
"""What is sent by TUS before an exchange."""
WALKS = re.compile(
    r"(v[12]) ([\w ]+?) limit (\d+).*?: (\d+) (?:rows )?seen, (\d+) distinct.*?, (\d+) requests"
)


@dataclass
class Counts:
    """What a replay found."""

    equal: list[str] = field(default_factory=list)
    core: int = 0
    left_out: list[str] = field(default_factory=list)
    unequal: dict[str, list[str]] = field(default_factory=dict)
    needlessly_left_out: list[str] = field(default_factory=list)

    def add(self, exchange: Exchange, found: list[str]) -> None:
        """Count one comparison."""
        name = exchange["id"]
        if name in LEFT_OUT:
            self.left_out.append(name)
            if not found:
                self.needlessly_left_out.append(name)
        elif found:
            self.unequal[name] = found
        else:
            self.equal.append(name)
            self.core += exchange.get("core", False)

    def line(self) -> str:
        """The counts for people."""
        told = f"{len(self.equal)} equal ({self.core} of them core), {len(self.left_out)} left out"
        return f"Supabase Storage: {told}, {len(self.unequal)} unequal"


@dataclass
class Replay:
    """The servers, and what happened between the recorded requests."""

    cluster: Cluster
    names: dict[str, str]
    servers: dict[str, Server]
    counts: Counts = field(default_factory=Counts)
    moved: dict[str, str] = field(default_factory=dict)
    """Where an upload in pieces is, by where it was when it was recorded."""

    def play(self, exchange: Exchange) -> None:
        """Do what was done, and compare what was answered."""
        place, name = str(exchange.get("server")), exchange["id"]
        self.before(name)
        if "request" in exchange:
            asked = exchange["request"]
            asked["path"] = self.moved.get(asked["path"], asked["path"])
            answer = replay.send(self.servers[place].url, exchange)
            self.follow(exchange, answer)
            self.counts.add(exchange, replay.differences(exchange, answer))
        elif "sql" in exchange:
            self.counts.add(exchange, self.run(place, exchange))
        elif name == "X10":
            self.counts.add(exchange, self.walk(exchange))

    def follow(self, exchange: Exchange, answer: Answer) -> None:
        """Remember where an upload in pieces is."""
        recorded = exchange["response"]["headers"].get("location", "")
        if recorded and "location" in answer.headers:
            self.moved[urlsplit(recorded).path] = urlsplit(answer.headers["location"]).path

    def before(self, name: str) -> None:
        """What was done without being recorded."""
        if name in MADE:
            place, statement = MADE[name]
            self.cluster.execute(self.names[place], statement)
        elif name in ("K01", "K03"):
            self.break_off(f"cut/{'new' if name == 'K01' else 'old'}.bin")
        elif name in SENT:
            self.upload(f"b{SENT[name]}.bin", replay.steps(SENT[name]))
        elif name in IN_PIECES:
            named, size = IN_PIECES[name]
            self.upload_in_pieces(named, replay.steps(size))

    def upload(self, name: str, body: bytes) -> None:
        """Write an object of the S3 backend."""
        headers = {"apikey": replay.SECRET_KEY, "content-type": "application/octet-stream"}
        headers["cache-control"] = "max-age=3600"
        path = f"/storage/v1/object/alpha/{name}"
        assert replay.request(self.servers["s3"].url, "POST", path, headers, body).status == 200

    def upload_in_pieces(self, name: str, body: bytes) -> None:
        """Write one by TUS, 6 MiB at a time."""
        told = {"bucketName": "alpha", "objectName": name, "contentType": "application/octet-stream"}
        told["cacheControl"] = "3600"
        headers = {"apikey": replay.SECRET_KEY, "tus-resumable": "1.0.0", "upload-length": str(len(body))}
        headers["upload-metadata"] = ",".join(
            f"{key} {b64encode(value.encode()).decode()}" for key, value in told.items()
        )
        url = self.servers["s3"].url
        made = replay.request(url, "POST", "/storage/v1/upload/resumable", headers)
        path = urlsplit(made.headers["location"]).path
        for start in range(0, len(body), 6 * MIB):
            headers["upload-offset"] = str(start)
            assert replay.request(url, "PATCH", path, headers, body[start : start + 6 * MIB]).status == 204

    def break_off(self, name: str) -> None:
        """Begin to send an object, and close the connection."""
        address = urlsplit(self.servers["old"].url)
        with socket.create_connection((str(address.hostname), int(address.port or 0))) as connection:
            head = (
                f"POST /storage/v1/object/alpha/{name} HTTP/1.1\r\nHost: x\r\napikey: {replay.SECRET_KEY}\r\n"
            )
            head += "x-upsert: true\r\nContent-Length: 3000000\r\n\r\n"
            connection.sendall(head.encode() + bytes(1_000_000))

    def run(self, place: str, exchange: Exchange) -> list[str]:
        """Run a recorded statement, and compare its cells."""
        sql = exchange["sql"]
        login = LOGINS.get(sql["role"], sql["role"])
        with psycopg.connect(self.cluster.url(self.names[place], login), autocommit=True) as connection:
            connection.execute(b"set timezone = 'UTC'")
            try:
                cells = _cells(connection.execute(sql["text"].removesuffix("\\gx").encode()))
            except psycopg.Error as error:
                cells = [f"ERROR: {error.sqlstate}: {error.diag.message_primary}"]
        expected, actual = _recorded_cells(exchange["result_text"]), sorted(_steady(cells))
        return [] if expected == actual else [f"{expected} expected,\n {actual} found"]

    def walk(self, exchange: Exchange) -> list[str]:
        """List a bucket to its end by each way, and compare how much of it is seen."""
        found = []
        for way, how, limit, *expected in WALKS.findall(exchange["result_text"]):
            actual = list(map(str, self.walked(way, how, int(limit))))
            if actual != expected:
                found.append(f"{way} {how} limit {limit}: {expected} expected, {actual} found")
        return found if WALKS.search(exchange["result_text"]) else ["no walk"]

    def walked(self, way: str, how: str, limit: int) -> tuple[int, int, int]:
        """How many names are seen, how many different ones, and in how many requests."""
        names: list[str] = []
        count, cursor = 0, None
        while True:
            asked: dict[str, Any] = {"limit": limit, "cursor": cursor, "with_delimiter": "delimiter" in how}
            if way == "v1":
                column, _, order = how.partition(" ")
                asked = {"prefix": "", "limit": limit, "offset": len(names)}
                asked["sortBy"] = {"column": column, "order": order}
            path = f"/storage/v1/object/{'list' if way == 'v1' else 'list-v2'}/pairs"
            exchange = {"request": {"method": "POST", "path": path, "body_json": asked}}
            exchange["request"]["headers"] = {"apikey": replay.SECRET_KEY, "content-type": "application/json"}
            answer = replay.send(self.servers["old"].url, exchange).json
            count += 1
            page = answer if way == "v1" else answer["objects"]
            names += [each["name"] for each in page]
            cursor = None if way == "v1" else answer.get("nextCursor")
            if len(page) < limit if way == "v1" else cursor is None:
                return len(names), len(set(names)), count


def _cells(cursor: psycopg.Cursor[Any]) -> list[str]:
    """The cells of all results, as text."""
    found = []
    while True:
        result = cursor.pgresult
        if result is not None and result.nfields:
            found += [(result.fname(at) or b"").decode() for at in range(result.nfields)]
            values = (
                result.get_value(row, at) for row in range(result.ntuples) for at in range(result.nfields)
            )
            found += [(value or b"").decode() for value in values]
        if not cursor.nextset():
            return found


def _recorded_cells(text: str) -> list[str]:
    """The cells that psql printed, without its frames."""
    if text.startswith("ERROR"):
        return sorted(_steady([re.sub(r"ERROR: +", "ERROR: ", text.splitlines()[0])]))
    found = []
    for line in text.splitlines():
        if re.fullmatch(r"[-+ ]*|-\[ RECORD .*|\(\d+ rows?\)|[A-Z]+( [A-Z]+)?( \d+)*", line.strip()):
            continue
        found += [cell.strip() for cell in re.split(r"(?:^|\s)\|(?=\s|$)", line)]
    return sorted(_steady(found))


def _steady(cells: list[str]) -> list[str]:
    return [replay.VARIES.sub("<varies>", cell.strip()) for cell in cells]


@pytest.fixture(scope="module")
def counts(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counts]:
    """One replay of everything, in order: writes change what later answers show."""
    names = {place: f"storage_{place}" for place in MOST}
    servers = {}
    for place, name in names.items():
        cluster.create(name, HOSTED + STORAGE)
        cluster.execute(name, f"grant create on schema public to {OWNER}")
        folder: Path = tmp_path_factory.mktemp(place)
        url = cluster.url(name, "authenticator")
        servers[place] = serve(url, folder, keys=replay.KEYS, most=MOST[place], s3=place == "s3")
    played = Replay(cluster, names, servers)
    try:
        for exchange in replay.exchanges():
            played.play(exchange)
        yield played.counts
    finally:
        for server in servers.values():
            server.stop()
        for name in names.values():
            cluster.drop(name)


def test_answers_are_those_of_the_recorded_server(
    counts: Counts, record_property: Callable[[str, Any], None]
) -> None:
    """Each exchange equals its recording in status, headers and body, unless left out by name."""
    record_property("summary", counts.line())
    assert counts.unequal == {}
    assert counts.needlessly_left_out == []
    assert len(counts.equal) > 300
