"""`supasync init`: a tables.yaml that runs as it is written, between two real servers."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.workspace import OLD_KEY, ROWS, SCHEMA, TABLES_YAML, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

HERE = Path(__file__).parent
MANY = ROLES + (HERE / "thirty.sql").read_text()
MANY_ROWS = (HERE / "thirty_rows.sql").read_text()
LEFT_OUT = ("fingerprints", "no_key", "order_totals", "paid_orders")


@pytest.fixture(scope="module")
def many(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """OLD with thirty tables, NEW with the same and empty; no tables.yaml yet."""
    folder = tmp_path_factory.mktemp("many")
    with between(cluster, folder, MANY + MANY_ROWS, MANY) as space:
        (folder / "tables.yaml").unlink()
        yield space


@pytest.fixture(scope="module")
def five(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """The guide's five tables; what a test changes in the folder or in OLD it takes back."""
    with between(cluster, tmp_path_factory.mktemp("five"), SCHEMA + ROWS, SCHEMA) as space:
        yield space


def drafted(space: Workspace, *args: str) -> str:
    """The tables.yaml that init writes now."""
    (space.folder / "tables.yaml").unlink(missing_ok=True)
    done = space.supasync("init", *args)
    assert done.code == 0, done.out + done.err
    return (space.folder / "tables.yaml").read_text("utf-8")


def entry(text: str, name: str) -> str:
    """The settings of one table without their reasons, in one line."""
    found = re.search(rf"^  {re.escape(name)}:\n((?:    .*\n)*)", text, re.MULTILINE)
    assert found, f"{name} is not in\n{text}"
    lines = (line.strip().partition("  # ")[0] for line in found[1].splitlines())
    return "; ".join(line for line in lines if not line.startswith("#"))


def test_the_five_tables_are_set_up_and_copied_as_init_writes_them(five: Workspace) -> None:
    five.requests()
    text = drafted(five)
    asked = five.old.server.requests()
    assert {request["method"] for request in asked} == {"GET"}
    assert len(asked) <= 4 + 2 * 5, "a page of each table, one more where it has more rows; Auth and Storage"
    assert entry(text, "users") == "key: id; timestamp: [updated_at, created_at]"
    assert entry(text, "jobs") == "key: id; timestamp: updated_at; depends_on: users"
    assert entry(text, "usage_logs") == "strategy: snapshot; key: id; depends_on: [users, jobs]"
    assert "nothing sets updated_at" in " ".join(text.replace("#", " ").split())
    assert "OLD_SUPABASE_URL=" in (five.folder / ".env.example").read_text()
    five.ready()
    done = five.supasync("sync")
    assert done.code == 0, done.out + done.err
    five.assert_equal()


def test_thirty_tables_each_get_the_way_that_fits(many: Workspace) -> None:
    many.requests()
    text = drafted(many)
    asked = many.old.server.requests()
    assert {request["method"] for request in asked} <= {"GET", "HEAD"}
    alike = 12  # of tables whose columns another one has too: whether that one's rows are shown in them
    assert len(asked) <= 2 + 2 * 26 + alike, [request["path"] for request in asked]
    expected = {
        "order_items": "key: [order_id, line]; timestamp: updated_at; depends_on: [orders, products]",
        "orders": "key: id; timestamp: [modified_at, inserted_at]; depends_on: users",
        "products": "key: id; timestamp: [updatedAt, createdAt]; depends_on: categories",
        "countries": "strategy: snapshot; key: code",
        "product_tags": "strategy: snapshot; key: [product_id, tag]; depends_on: products",
        "audit_log": "strategy: append; key: id; compare_every: 24h; depends_on: users",
        "clicks": "strategy: append; key: id; compare_every: 24h",
        "page_views": "key: id; timestamp: created_at; updates: unseen; compare_every: 24h; "
        "depends_on: users",
        "random_numbers": "strategy: snapshot; key: id",
        "empty_log": "strategy: snapshot; key: id",
        "devices": "strategy: snapshot; key: id; depends_on: users",
        "teams": "key: id; timestamp: updated_at",
        '"Order Notes"': 'strategy: snapshot; key: "the id"; depends_on: orders',
        '"${HOME}"': "strategy: snapshot; key: id",
    }
    assert {name: entry(text, name) for name in expected} == expected
    assert "teams -> users -> teams is a circle" in text
    assert "reply_to refers to messages itself" in text
    assert set(re.findall(r"^  - (\w+)  # ", text, re.MULTILINE)) == set(LEFT_OUT)


def test_thirty_tables_are_copied_as_init_writes_them(many: Workspace) -> None:
    text = drafted(many)
    many.new.run("drop table sync_metadata")
    many.ready()
    done = many.supasync("sync")
    assert done.code == 0, done.out + done.err
    tables = [
        row[0]
        for row in many.old.rows(
            "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
        )
    ]
    copied = set(tables) - {*LEFT_OUT, "sync_metadata"}
    assert len(copied) == len(re.findall("^    key: ", text, re.MULTILINE)) >= 24
    many.assert_equal(*copied)
    decided = text.replace("undecided:\n", "ignore: [no_key]\nundecided:\n").replace(
        "  - no_key", "  # - no_key"
    )
    many.write("tables.yaml", decided)
    again = many.supasync("init")
    assert (again.code, again.out) == (0, "tables.yaml exists and is complete\n")
    many.write("tables.yaml", text)
    assert "# and take no_key out of undecided:" in many.supasync("init").out
    assert (many.folder / "tables.yaml").read_text("utf-8") == text


def test_an_existing_file_is_told_what_it_lacks_and_what_is_gone(five: Workspace) -> None:
    written = TABLES_YAML.replace("  sessions:    {depends_on: [users]}\n", "") + "  fees: {key: id}\n"
    five.write("tables.yaml", written)
    done = five.supasync("init")
    assert done.code == 1, done.out + done.err
    assert "fees is gone" in done.out
    assert entry(done.out, "sessions") == "strategy: snapshot; key: id; depends_on: users"
    assert (five.folder / "tables.yaml").read_text() == written
    told = five.supasync("init", "--json")
    assert (told.code, told.json["missing"], told.json["gone"]) == (1, ["sessions"], ["fees"])
    five.write("tables.yaml", written.replace("  fees: {key: id}\n", "") + told.json["entries"])
    assert five.supasync("init").code == 0


def test_a_table_that_stands_there_as_a_comment_is_decided(five: Workspace) -> None:
    five.write("tables.yaml", TABLES_YAML.replace("  sessions: ", "  # sessions: "))
    done = five.supasync("init")
    assert done.code == 0
    assert "left out by a comment: sessions" in done.err


def test_an_existing_file_with_a_mistake_is_not_compared(five: Workspace) -> None:
    five.write("tables.yaml", TABLES_YAML + "  jobs: {}\n")
    done = five.supasync("init")
    assert (done.code, "given twice" in done.err) == (2, True)


def bad(five: Workspace, **environment: str) -> str:
    """What init says where it cannot ask OLD; it then has written no tables.yaml."""
    (five.folder / "tables.yaml").unlink(missing_ok=True)
    done = five.supasync("init", environment=environment)
    assert done.code in (2, 3), done.out
    assert not (five.folder / "tables.yaml").exists()
    return done.err


def test_without_a_key_it_says_which_file_to_fill(five: Workspace) -> None:
    said = bad(five, OLD_SUPABASE_SERVICE_ROLE_KEY="")
    assert "OLD_SUPABASE_SERVICE_ROLE_KEY is empty" in said
    assert "service role or secret key into .env" in said
    filled = (five.folder / ".env").read_text("utf-8")
    five.write(".env", "")
    assert "copy .env.example to .env" in bad(five)
    five.write(".env", filled)


def test_a_publishable_key_is_refused_before_the_first_request(five: Workspace) -> None:
    five.requests()
    said = bad(five, OLD_SUPABASE_SERVICE_ROLE_KEY="sb_publishable_for_tests_old")
    assert "is the publishable key" in said
    assert "service role or secret key into .env" in said
    assert five.requests() == 0


def test_a_wrong_key_is_refused_in_a_sentence(five: Workspace) -> None:
    assert "does not accept the key" in bad(five, OLD_SUPABASE_SERVICE_ROLE_KEY=OLD_KEY + "x")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, '{"message": "Access to schema is forbidden"}'),
        (404, '{"code": "PGRST126", "message": "Root endpoint metadata is disabled"}'),
    ],
    ids=["refused", "switched off"],
)
def test_a_root_that_is_not_shown_names_the_way_out(five: Workspace, status: int, body: str) -> None:
    five.old.server.misbehave({"kind": "answer", "path": "", "times": None, "status": status, "body": body})
    said = bad(five)
    five.old.server.behave()
    assert "does not show its tables" in said
    assert "--from FOLDER" in said


def test_a_key_without_rights_sees_no_table_and_gets_the_grant(five: Workspace) -> None:
    five.old.run("revoke all on all tables in schema public from service_role")
    said = bad(five)
    five.old.run("grant select on all tables in schema public to service_role")
    assert "no table is shown in the schema public" in said
    assert "grant select on all tables in schema public to service_role" in said


def test_a_table_without_the_right_to_read_is_left_out_with_the_grant(five: Workspace) -> None:
    five.old.run("create table tags (tag text primary key); grant insert on tags to service_role")
    said = " ".join(drafted(five).replace("#", " ").split())
    five.old.run("drop table tags")
    assert "grant select on table public.tags to service_role" in said
    assert "users: key: id" in said


def test_a_folder_of_exports_is_enough(five: Workspace) -> None:
    folder = five.folder / "exports"
    folder.mkdir()
    (folder / "users_rows.csv").write_text(
        "id,email,created_at,updated_at\r\n1,a@example.test,2024-01-01 00:00:00.1+00,\r\n"
        "2,b@example.test,2024-01-02 00:00:00+00,2024-02-01 00:00:00+00\r\n"
    )
    (folder / "usage_logs.csv").write_text(
        "id,user_id,created_at\n1,1,2024-01-01 00:00:00+00\n2,,2024-01-02 00:00:00+00\n"
    )
    (folder / "kinds.csv").write_text("code,label\na,x\nb,\n")
    (folder / "pairs.csv").write_text("a,b\n1,x\n1,y\n")
    five.requests()
    text = drafted(five, "--from", "exports")
    assert five.requests() == 0
    assert entry(text, "users") == "key: id; timestamp: [updated_at, created_at]"
    assert entry(text, "usage_logs") == "strategy: snapshot; key: id; depends_on: users"
    assert entry(text, "kinds") == "strategy: snapshot; key: code"
    assert "  - pairs  # " in text
    assert "guessed" in text


@pytest.mark.parametrize(
    ("place", "word"), [("nowhere", "no such file or folder"), ("empty", "no table is shown")]
)
def test_a_place_without_tables_is_said(five: Workspace, place: str, word: str) -> None:
    (five.folder / "empty").mkdir(exist_ok=True)
    (five.folder / "tables.yaml").unlink(missing_ok=True)
    done = five.supasync("init", "--from", place)
    assert done.code in (2, 3)
    assert word in done.err


def test_tables_that_refer_to_each_other_by_required_columns_are_named(five: Workspace) -> None:
    circle = (
        "create table left_hand (id int primary key, other int not null, "
        "updated_at timestamptz default now());"
        "create table right_hand (id int primary key, other int not null references left_hand (id), "
        "updated_at timestamptz default now());"
        "alter table left_hand add foreign key (other) references right_hand (id) "
        "deferrable initially deferred;"
        "grant select, insert, update on left_hand, right_hand to service_role"
    )
    for end in (five.old, five.new):
        end.run(circle)
    five.old.run("begin; insert into left_hand values (1, 1); insert into right_hand values (1, 1); commit")
    said = " ".join(drafted(five).replace("#", " ").split())
    assert "left_hand -> right_hand -> left_hand is a circle; none of its columns may be NULL" in said
    done = five.ready().supasync("sync", "--table", "left_hand")
    assert done.code == 3
    assert "refer to each other by columns that cannot be NULL" in done.err
    assert (
        "drop these foreign keys in NEW until the switch: supasync schema sql --foreign-keys off" in done.err
    )
    for end in (five.old, five.new):
        end.run("drop table left_hand, right_hand cascade")


def test_where_nothing_can_be_copied_nothing_is_written(five: Workspace) -> None:
    (five.folder / "keyless").mkdir()
    (five.folder / "keyless" / "pairs.csv").write_text("a,b\n1,x\n1,y\n")
    (five.folder / "tables.yaml").unlink(missing_ok=True)
    done = five.supasync("init", "--from", "keyless")
    assert done.code == 3
    assert "none of the tables can be copied" in done.err
    assert "pairs: no primary key is shown" in done.err
    assert not (five.folder / "tables.yaml").exists()
