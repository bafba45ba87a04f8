"""Rows that refer to files of OLD: a run counts them, and `replace_storage_url` makes them NEW's."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.workspace import ENDS, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

SCHEMA = f"""{ROLES}
create table public.profiles (
  id int primary key, avatar text, more jsonb, pictures text[], n numeric,
  updated_at timestamptz not null default '2026-01-01');
create table public.files (url text primary key, updated_at timestamptz not null default '2026-01-01');
create table public.uses (
  id int primary key, file text references files, updated_at timestamptz not null default '2026-01-01');
create table public.pages (
  id int primary key, url text unique, uid uuid unique, number bigint unique,
  updated_at timestamptz not null default '2026-01-01');
create table public.visits (
  id int primary key, page uuid references pages (uid), n bigint references pages (number),
  updated_at timestamptz not null default '2026-01-01');
create table public.hits (
  id int primary key, page text references pages (url), updated_at timestamptz not null default '2026-01-01');
create table public.links (url text primary key, updated_at timestamptz not null default '2026-01-01');
grant all on all tables in schema public to service_role;
"""
DOCS = Path(__file__).parents[2] / "docs/reference/sync-metadata.md"
CONFIG = ENDS + "tables:\n  profiles:\n  links:\n    key: url\n"


@pytest.fixture(scope="module")
def kept(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with between(cluster, tmp_path_factory.mktemp("urls"), SCHEMA, SCHEMA, CONFIG) as space:
        space.ready()
        file = f"{address(space)}/storage/v1/object/public/a/b.png"
        space.old.run(f"""
            insert into profiles values
              (1, '{file}', '{{"bio": "see {file}", "n": 1.10, "big": 12345678901234567890.123}}',
                array['{file}', null, 'x'], 1.50),
              (2, '{file}', null, null, 12345678901234567890.10), (3, 'none', '{{}}', '{{}}', null);
            insert into links values ('{file}');
            insert into files values ('{file}'); insert into uses values (1, '{file}');
            insert into pages values (1, '{file}', '00000000-0000-4000-8000-000000000001', 7);
            insert into visits values (1, '00000000-0000-4000-8000-000000000001', 7);
            insert into hits values (1, '{file}')""")  # noqa: S608 - the test's own
        yield space.keep()


@pytest.fixture
def space(kept: Workspace) -> Workspace:
    return kept.again()


def address(space: Workspace, end: str = "old") -> str:
    return str(getattr(space, end).server.url).removesuffix("/rest/v1")


def asked_for_keys(space: Workspace) -> int:
    """How often NEW was asked for foreign keys since the last call, whatever for."""
    found = [each for each in space.new.server.requests() if "ready_structure" in each["path"]]
    space.new.server.reset()
    return len(found)


def test_a_run_counts_rows_that_refer_to_files_of_old(space: Workspace) -> None:
    done = space.supasync("sync", "--json")
    assert done.code == 0, done.err
    tables = done.json["tables"]
    assert tables["profiles"]["storage_urls"] == {"avatar": 2, "more": 1, "pictures": 1}
    assert tables["links"]["storage_urls"] == {"url": 1}
    told = "\n".join(done.json["notes"])
    assert "avatar (2 rows), more (1 row), pictures (1 row); with transform: replace_storage_url" in told
    assert "supasync sync --full profiles makes them NEW's" in told
    space.assert_equal("profiles", "links")
    query = DOCS.read_text("utf-8").partition("URL of OLD's Storage, by column")[2].split("```")[1]
    kept = space.new.rows(query.removeprefix("sql"))
    assert kept == [
        ("links", "url", 1),
        ("profiles", "avatar", 2),
        ("profiles", "more", 1),
        ("profiles", "pictures", 1),
    ]


def test_the_transform_makes_them_refer_to_files_of_new(space: Workspace) -> None:
    space.write("tables.yaml", CONFIG.replace(":\n  links:", ": {transform: replace_storage_url}\n  links:"))
    done = space.supasync("sync", "--json")
    assert done.code == 0, done.err
    assert "profiles" not in "".join(done.json["notes"])
    old = [text.replace(address(space), address(space, "new")) for text in space.old.texts("profiles")]
    assert space.new.texts("profiles") == old
    assert space.supasync("verify", "--exact").code == 0


def test_a_key_stays_and_is_told(space: Workspace) -> None:
    space.write("tables.yaml", CONFIG + "    transform: replace_storage_url\n")
    done = space.supasync("sync", "--table", "links")
    assert done.code == 0, done.err
    assert "in url (1 row): a key is not changed, nor what refers to one" in done.out + done.err
    space.assert_equal("links")


def test_a_reference_is_changed_exactly_as_what_it_refers_to(space: Workspace) -> None:
    replaced = "{transform: replace_storage_url}"
    files = "{transform: replace_storage_url, key: url}"
    bound = f"tables:\n  files: {files}\n  uses: {replaced}\n  pages: {replaced}\n  visits: {{}}\n  hits: "
    space.write("tables.yaml", ENDS + bound + "{}\n")
    said = "hits: page refers to pages.url, which replace_storage_url changes, and page stays"
    told = space.supasync("check").out
    assert (said in told, "visits: " in told) == (True, False), "no URL is in a uuid or a number"
    done = space.supasync("sync")
    assert (done.code, f"{said[6:]}; no row was sent" in done.out + done.err) == (3, True), (
        done.out + done.err
    )
    assert "in file (1 row): a key is not changed, nor what refers to one" in done.out + done.err
    space.assert_equal("files", "uses", "visits")
    assert space.new.texts("hits") == []
    space.write("tables.yaml", ENDS + bound + replaced + "\n")
    space.requests()
    done = space.supasync("sync")
    assert done.code == 0, done.out + done.err
    assert asked_for_keys(space) == 2, "what warns of a table, and what columns of all of them refer to"
    assert space.supasync("sync").code == 0
    assert asked_for_keys(space) == 1
    for table in ("pages", "hits"):
        old = [text.replace(address(space), address(space, "new")) for text in space.old.texts(table)]
        assert space.new.texts(table) == old
    assert "quarantined" not in space.supasync("status").out
    done = space.supasync("diff", "old", "new")
    assert done.code == 0, done.out + done.err
    key = "alter table uses %s constraint uses_file_fkey"
    space.new.run(key % "drop")
    space.write("uses.csv", space.old.csv("select * from uses"))
    space.write("hits.csv", space.old.csv("select * from hits"))
    for table in ("uses", "hits"):
        done = space.supasync("reconcile", f"{table}.csv", "new")
        assert (done.code, [table, *"00000"] in map(str.split, done.out.splitlines())) == (0, True), done.out
    (space.folder / "export").mkdir()
    (space.folder / "uses.csv").rename(space.folder / "export/uses.csv")
    done = space.supasync("gap", "import", "export", "--yes")
    assert (done.code, "success: 0 rows synced" in done.out) == (0, True), "by the key that runs knew of"
    space.assert_equal("uses")
    space.new.run(f"{key % 'add'} foreign key (file) references files")
    space.write("tables.yaml", ENDS + bound + "{}\n")
    for database in (space.old, space.new):
        database.run("alter table hits drop constraint hits_page_fkey")
    assert "hits: page refers" not in space.supasync("check").out, "the app has no such key any more"


def test_an_address_of_old_that_stays_is_told(space: Workspace) -> None:
    space.write("tables.yaml", CONFIG.replace(":\n  links:", ": {transform: replace_storage_url}\n  links:"))
    host = address(space).partition("//")[2]
    space.old.run(f"""
        update profiles set avatar = 'http://user@{host}/storage/v1/object/public/a/b.png',
          more = '"http://{host}/rest/v1/"', pictures = '{{}}', updated_at = '2026-01-02'
        where id = 1""")  # noqa: S608 - the test's own
    done = space.supasync("sync", "--json")
    assert done.code == 0, done.err
    told = "profiles: OLD's address was copied as it is, in avatar (1 row), more (1 row): not changed"
    assert told in "\n".join(done.json["notes"])
    assert done.json["tables"]["profiles"]["other_urls"] == {"avatar": 1, "more": 1}
