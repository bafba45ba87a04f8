"""A hostile name is only ever a name: in lines, comments, SQL, settings and file names."""

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from supasync_core.gap.csv.queries import Wanted, query
from supasync_core.model.printable import comment, file_name, sql_name, sql_text, unfit_for_windows, visible
from supasync_core.model.table import Column, Shape, Table
from tests.e2e.workspace import NEW_KEY, Completed, Workspace, between
from tests.hostile.names import ATTACKS, names
from tests.hostile.server import answer, serving
from tests.postgrest.launch import ROLES
from tests.servers.hosted import hosted
from tests.servers.postgres import Cluster

NEW_ANON = NEW_KEY.replace("secret", "publishable")
NAMES = names()
SERVED = [name for name in names(60) if "/" not in name]
"""PostgREST has no path for a name with a slash."""
TABLES = ROLES
TABLES += "".join(
    f"create table public.{sql_name(name)} (id int primary key, {sql_name(name[:15] + 'c')} text);\n"
    f"insert into public.{sql_name(name)} values (1, {sql_text(name)});\n"
    for name in SERVED
)
TABLES += "grant all on all tables in schema public to service_role;"
TEXT = st.one_of(
    st.sampled_from(ATTACKS), st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
)
HOSTILE = st.lists(TEXT, min_size=1, max_size=4).map("".join).filter(bool)


def is_harmless(done: Completed) -> None:
    """Every line is printable and none begins as a name wants it to."""
    for stream in (done.out, done.err):
        for line in stream.split("\n"):
            assert line.isprintable(), line
            assert not line.lstrip("# -").startswith(("FORGED", "\\!", "touch")), line


@pytest.fixture(scope="module")
def space(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("names")
    with between(cluster, folder, TABLES, TABLES.replace("insert into", "-- insert into")) as made:
        (folder / "tables.yaml").unlink()
        done = made.supasync("init")
        assert done.code == 0, done.err
        is_harmless(done)
        yield made.ready()


@pytest.mark.slow
@given(HOSTILE)
@settings(max_examples=300, deadline=None)
def test_any_text_stays_what_it_is_meant_to_be(name: str) -> None:
    assert visible(name).isprintable()
    assert visible(visible(name)) == visible(name)
    assert "*/" not in comment(name)
    assert comment(name).isprintable()
    assert file_name(name).isprintable()
    place = Path("/folder") / f"{file_name(name)}.csv"
    assert place.parent == Path("/folder")
    assert not place.name.startswith(".")
    assert len(place.name.encode()) < 200
    for quoted in (sql_name(name), sql_text(name)):
        assert quoted.isprintable()


def test_different_names_are_different_files() -> None:
    assert len({file_name(name).lower() for name in NAMES}) == len(NAMES)


@given(name=HOSTILE | st.sampled_from(["CON", "nul.x", "a:b", "x.", "Users", "COM\u00b9"]))
def test_windows_takes_no_name_of_ours_for_something_else(name: str) -> None:
    for suffix in (".csv", ".sql", "-2.csv", "_rows.csv"):
        assert unfit_for_windows(f"{file_name(name)}{suffix}") is None
    twins = {file_name(each, alone=False).lower() for each in {name, name.swapcase()}}
    assert len(twins) == len({name, name.swapcase()})


@given(text=HOSTILE | st.text("\\'\"u0;-\n", max_size=8))
@settings(max_examples=100, deadline=None)
def test_postgresql_reads_the_very_text_whatever_a_backslash_means_to_it(cluster: Cluster, text: str) -> None:
    with psycopg.connect(cluster.url("postgres")) as connection:
        for strings in ("on", "off"):
            connection.execute(f"set standard_conforming_strings = {strings}".encode())
            assert connection.execute(f"select {sql_text(text)}".encode()).fetchall() == [(text,)]


@given(name=HOSTILE)
@settings(max_examples=100, deadline=None)
def test_postgresql_reads_the_very_name(cluster: Cluster, name: str) -> None:
    with psycopg.connect(cluster.url("postgres")) as connection:
        query = f"select {sql_text(name)}, x.* from (select 1 as {sql_name(name)}) x"  # noqa: S608
        done = connection.execute(query.encode())
        assert done.description is not None
        assert done.description[1].name.encode() == name.encode()[:63].decode(errors="ignore").encode()
        assert done.fetchone() == (name, 1)


def test_init_writes_each_name_and_no_line_of_its_own(space: Workspace) -> None:
    text = (space.folder / "tables.yaml").read_text()
    assert all(line.isprintable() for line in text.split("\n"))
    assert set(yaml.safe_load(text)["tables"]) == set(SERVED)


def test_every_command_copies_the_rows_and_prints_plain_lines(space: Workspace) -> None:
    done = space.supasync("sync")
    assert done.code == 0, done.out + done.err
    commands = (
        "check|sync|status|state show|verify|schema diff|usage|init|diff old new|quarantine list|gap sql|"
        "gap sql --exact|gap sql --offline|plugins|account"
    )
    for command in commands.split("|"):
        done = space.supasync(*command.split())
        assert done.code == 0, (command, done.err[-2000:])
        is_harmless(done)
    for name in SERVED[::10]:
        query = f"select {sql_name(name[:15] + 'c')} from public.{sql_name(name)}"  # noqa: S608
        assert space.new.rows(query) == [(name,)]


def test_a_failure_names_its_table_on_one_line(space: Workspace) -> None:
    text = (space.folder / "tables.yaml").read_text()
    gone = "gone\nFORGED: equal\x1b[2J\u202e"
    space.write("tables.yaml", text.replace("\ntables:\n", f"\ntables:\n  {json.dumps(gone)}: {{key: id}}\n"))
    try:
        for command in ("check", "sync", "verify", "diff old new", "gap sql"):
            done = space.supasync(*command.split())
            assert done.code != 0, command
            assert "gone\\nFORGED" in done.out + done.err
            is_harmless(done)
    finally:
        space.write("tables.yaml", text)


def test_a_file_that_is_saved_as_told_is_the_tables(space: Workspace) -> None:
    told = space.supasync("gap", "sql", "--json").json
    folder = space.folder / "exports"
    folder.mkdir(exist_ok=True)
    for each in told:
        assert all(line.isprintable() for line in each["sql"].split("\n"))
        assert each["copy"] is None or each["copy"].isprintable()
        query = each["sql"].rstrip(";\n")
        (folder / each["file"]).write_text(space.old.csv(query))
    done = space.supasync("gap", "import", "exports", "--dry-run")
    assert done.out.count("found: ") == len(told), done.out[-3000:]
    is_harmless(done)
    assert space.old.rows("select count(*) from pg_tables where tablename = 'pwned'") == [(0,)]


MACHINES = (
    "check|sync|sync --full {name}|sync --dry-run|status|verify|verify --exact|usage|init|quarantine list|"
    "gap sql|diff old new|reconcile old new|plugins|schema diff|cutover --plan"
)


def test_what_machines_read_is_json_of_plain_lines(space: Workspace) -> None:
    for command in MACHINES.split("|"):
        words = [word.replace("{name}", SERVED[3]) for word in command.split()]
        form = ["--format", "json"] if command.startswith("diff") else ["--json"]
        done = space.supasync(*words, *form)
        assert done.code in (0, 1, 3), (command, done.err[-2000:])
        json.loads(done.out)
        is_harmless(done)


def test_reports_and_schedules_are_plain(space: Workspace) -> None:
    (space.folder / "given").mkdir(exist_ok=True)
    for name in SERVED:
        (space.folder / "given" / f"{file_name(name)}.csv").write_text("id,other\n1,2\n1,2\nx\n")
    for report in ("told.csv", "told.json"):
        done = space.supasync("gap", "import", "given", "--dry-run", "--report", report)
        assert done.code == 3, done.err
        is_harmless(done)
        text = (space.folder / report).read_text()
        assert "other" in text
        assert all(line.isprintable() for line in text.replace("\r", "").split("\n")), report
    for command in ("schedule cron", "schedule systemd", "schedule windows", "schedule cron --every 15m"):
        is_harmless(space.supasync(*command.split()))


def test_pages_and_edits_of_tables_yaml_are_plain(space: Workspace) -> None:
    compared = space.supasync("diff", "old", "new", "--format", "html")
    assert space.supasync("report", "--values", "--out", "page.html").code == 0
    for page in (compared.out, (space.folder / "page.html").read_text()):
        assert all(line.isprintable() for line in page.split("\n"))
        assert "<!channel>" not in page
    before = (space.folder / "tables.yaml").read_text()
    name = next(each for each in SERVED if "FORGED" in each)
    for command in (
        ("state", "reset", name),
        ("tables", "remove", name),
        ("tables", "add", name),
        ("account",),
    ):
        done = space.supasync(*command)
        assert done.code == 0, (command, done.err[-2000:])
        is_harmless(done)
    edited = (space.folder / "tables.yaml").read_text()
    assert all(line.isprintable() for line in edited.split("\n"))
    assert set(yaml.safe_load(edited)["tables"]) == set(SERVED)
    space.write("tables.yaml", before)


def test_a_webhook_hears_plain_words(space: Workspace) -> None:
    heard: list[bytes] = []

    def said(request: bytes) -> list[bytes]:
        heard.append(request)
        return [answer(b"ok")]

    text = (space.folder / "tables.yaml").read_text()
    gone = {f"gone{name}"[:60]: {"key": "id"} for name in ATTACKS}
    added = "".join(f"  {json.dumps(name)}: {{key: id}}\n" for name in gone)
    space.write("tables.yaml", text.replace("\ntables:\n", f"\ntables:\n{added}"))
    try:
        with serving(said, until=b"supasync (") as url:
            done = space.supasync("sync", environment={"SUPASYNC_WEBHOOK_URL": f"{url}/hook"})
        assert done.code == 3, done.err
        is_harmless(done)
    finally:
        space.write("tables.yaml", text)
    told = json.loads(heard[0].partition(b"\r\n\r\n")[2])["text"]
    assert all(line.isprintable() for line in told.split("\n"))
    assert not set("<>@`|~[]") & set(told.replace("&lt;", "").replace("&gt;", ""))


def test_the_certificate_of_a_switch_is_plain(space: Workspace) -> None:
    (space.folder / "app").mkdir()
    space.write("app/.env", f"SUPABASE_URL={space.old.server.url}\nSUPABASE_ANON_KEY=sb_publishable_old\n")
    text = (space.folder / "tables.yaml").read_text()
    space.write("tables.yaml", text + "\ncutover: {env: app/.env}\ndefaults: {overlap: 0s}\n")
    own = (space.folder / ".env").read_text()
    space.write(".env", own + f"SUPABASE_ANON_KEY={NEW_ANON}\n")
    done = space.supasync("cutover", "--yes", "--certificate", "switch.json")
    is_harmless(done)
    assert done.code == 0, done.out[-3000:] + done.err[-3000:]
    written = (space.folder / "switch.json").read_text()
    assert all(line.isprintable() for line in written.split("\n"))
    assert set(json.loads(written)["rows_in_sink"]) == set(SERVED)


@pytest.fixture
def offline(tmp_path: Path) -> Workspace:
    """A folder whose tables.yaml names all of them, between two projects that nobody asks."""
    end = {"backend": "rest", "key": "${KEY}"}
    tables = {"tables": dict.fromkeys(NAMES)}
    old, new = ({**end, "url": f"https://{name}.example.test"} for name in ("old", "new"))
    (tmp_path / "tables.yaml").write_text(
        yaml.safe_dump({"version": 1, "source": old, "sink": new, **tables})
    )
    (tmp_path / ".env").write_text("KEY=sb_secret_for_tests_offline\n")
    return Workspace(tmp_path, None, None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["--old"],
        ["--identity"],
        ["--triggers", "off"],
        ["--foreign-keys", "off"],
        ["--sequences"],
        ["--sequences", "check"],
        ["--triggers", "on"],
        ["--triggers", "guard"],
        ["--triggers", "unguard"],
        ["--foreign-keys", "on"],
        ["--identity", "always"],
        ["--fence"],
        ["--fence", "off"],
        ["--uninstall"],
    ],
)
def test_every_script_names_the_tables_and_runs_nothing_else(
    offline: Workspace, cluster: Cluster, args: list[str]
) -> None:
    done = offline.supasync("schema", "sql", *args)
    assert done.code == 0, done.err
    is_harmless(done)
    with hosted(cluster, "create table users (id int)") as project:
        if "--fence" in args:
            project.paste(offline.supasync("schema", "sql").out)
        project.paste(done.out)
        assert project.one("select count(*) from pg_tables where tablename = 'pwned'") == 0


def test_queries_of_the_last_gap_are_plain_for_any_name_and_value() -> None:
    for name in NAMES:
        column = f"{name}c"
        table = Table(name=name, key=(column,), columns=(column,))
        wanted = Wanted(table=table, keys=((name,),), shape=Shape((Column(column),)), language="rest")
        for exact in (False, True):
            found = query(wanted, exact=exact)
            assert all(line.isprintable() for line in found.sql.split("\n"))
            assert Path(found.file).name == found.file
            assert found.copy is None or (name.isprintable() and found.copy.isprintable())
