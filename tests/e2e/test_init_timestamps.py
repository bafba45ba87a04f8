"""`supasync init` and timestamps by any name: judged by type, default and a sample of rows."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.workspace import TABLES_YAML, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

HERE = Path(__file__).parent
SHAPES = ROLES + (HERE / "shapes.sql").read_text()
ROWS = (HERE / "shapes_rows.sql").read_text()
SMALL = ("chats", "notes", "prices", "accounts", "members", "plans", "added_late")
LARGE = ("messages", "readings", "invoices")


@pytest.fixture(scope="module")
def shapes(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """OLD with rows, NEW without, and the tables.yaml that init writes."""
    folder = tmp_path_factory.mktemp("shapes")
    with between(cluster, folder, SHAPES + ROWS, SHAPES) as space:
        (folder / "tables.yaml").unlink()
        done = space.supasync("init")
        assert done.code == 0, done.out + done.err
        yield space


def settings(space: Workspace, name: str) -> dict[str, str]:
    """What tables.yaml says of a table."""
    found = re.search(rf"^  {name}:\n((?:    .*\n)*)", _text(space), re.MULTILINE)
    assert found, _text(space)
    lines = (line.strip().partition("  # ")[0] for line in found[1].splitlines())
    return dict(line.split(": ", 1) for line in lines if not line.startswith("#"))


def reasons(space: Workspace, name: str) -> str:
    """The comments in the table's entry, in one line."""
    found = re.search(rf"^  {name}:\n((?:    .*\n)*)", _text(space), re.MULTILINE)
    assert found
    return " ".join(found[1].replace("#", " ").split())


def _requests(space: Workspace) -> dict[str, int]:
    """How many requests each small table has taken, of both projects."""
    asked = [request["path"] for end in (space.old, space.new) for request in end.server.requests()]
    return {name: sum(f"/{name}?" in path for path in asked) for name in SMALL}


def _text(space: Workspace) -> str:
    return (space.folder / "tables.yaml").read_text("utf-8")


def test_a_small_table_with_an_insert_time_is_read_as_a_whole(shapes: Workspace) -> None:
    assert settings(shapes, "chats") == {"strategy": "snapshot", "key": "id"}
    assert "creation_time is set when a row is inserted" in reasons(shapes, "chats")
    assert "of OLD's egress a month" in reasons(shapes, "chats")


def test_a_large_table_with_an_insert_time_is_read_by_it_and_says_what_it_does_not_see(
    shapes: Workspace,
) -> None:
    found = settings(shapes, "messages")
    assert (found["timestamp"], found["updates"]) == ("message_time", "unseen")
    assert found["compare_every"] == "24h"
    assert "finds updates within a day; that costs about" in reasons(shapes, "messages")
    assert "message_time is taken for the insert time" in reasons(shapes, "messages")


def test_a_large_log_whose_key_rises_with_its_insert_time_is_appended(shapes: Workspace) -> None:
    assert settings(shapes, "readings") == {"strategy": "append", "key": "id", "compare_every": "24h"}
    assert "id rises with datetime; it shows no updates" in reasons(shapes, "readings")


def test_a_column_that_moves_is_followed_whatever_it_is_called(shapes: Workspace) -> None:
    assert settings(shapes, "notes") == {"key": "id", "timestamp": "modifiedAt"}
    assert "later than created_at" in reasons(shapes, "notes")
    assert settings(shapes, "prices") == {"key": "id", "timestamp": "ts", "updates": "seen"}
    assert "not by its name" in reasons(shapes, "prices")
    assert settings(shapes, "plans") == {"key": "id", "timestamp": "[last_update, created]"}


def test_an_update_time_that_nothing_sets_is_named(shapes: Workspace) -> None:
    assert settings(shapes, "accounts") == {"strategy": "snapshot", "key": "id"}
    assert "nothing sets updated_at, it is never later than created_at" in reasons(shapes, "accounts")
    found = settings(shapes, "invoices")
    assert (found["timestamp"], found["updates"]) == ("[updated_at, created_at]", "unseen")
    assert "nothing sets updated_at, it is NULL in all" in reasons(shapes, "invoices")


def test_a_value_that_all_rows_got_at_once_is_no_update(shapes: Workspace) -> None:
    assert settings(shapes, "added_late")["strategy"] == "snapshot"
    assert "nothing sets updated_at" in reasons(shapes, "added_late")


def test_a_moment_in_a_rows_life_is_not_taken_for_its_updates(shapes: Workspace) -> None:
    assert settings(shapes, "members") == {"strategy": "snapshot", "key": "id"}


def test_a_table_is_left_out_for_what_its_values_are_and_not_for_its_names(shapes: Workspace) -> None:
    text = " ".join(_text(shapes).replace("#", " ").split())
    assert re.search(r"starts_at lies in the future in \d+ of 200 rows", text)


def test_what_init_writes_passes_the_check_and_every_update_arrives_or_is_named(shapes: Workspace) -> None:
    shapes.ready()
    checked = shapes.supasync("check")
    assert checked.code == 0, checked.out + checked.err
    shapes.requests()
    done = shapes.supasync("sync")
    assert done.code == 0, done.out + done.err
    assert max(_requests(shapes).values()) <= 8, _requests(shapes)
    shapes.assert_equal(*SMALL, *LARGE)
    shapes.old.run(
        "update chats set title = 'x'; update accounts set name = 'x'; update members set role = 'x';"
        "update prices set price = 1, ts = now(); update notes set body = 'x', \"modifiedAt\" = now();"
        "update added_late set name = 'x'"
    )
    assert shapes.supasync("sync").code == 0
    shapes.assert_equal(*SMALL)


def test_check_names_an_update_time_of_an_own_tables_yaml_that_nothing_sets(shapes: Workspace) -> None:
    text = _text(shapes)
    own = TABLES_YAML.partition("tables:")[0] + "tables:\n  accounts: {depends_on: []}\n"
    try:
        shapes.write("tables.yaml", own)
        told = shapes.supasync("check")
        assert "accounts: nothing sets updated_at, it is never later than created_at" in told.out + told.err
        assert "updates: unseen" in told.out + told.err
        shapes.write("tables.yaml", own.replace("{depends_on: []}", "{updates: seen}"))
        told = shapes.supasync("check")
        assert "nothing sets" not in told.out + told.err
    finally:
        shapes.write("tables.yaml", text)


def test_the_first_load_of_a_small_table_takes_few_requests(shapes: Workspace) -> None:
    shapes.old.server.reset()
    (shapes.folder / "tables.yaml").rename(shapes.folder / "kept.yaml")
    assert shapes.supasync("init").code == 0
    asked = [request["path"] for request in shapes.old.server.requests()]
    alike = [path for path in asked if "select=tableoid" in path]  # tables whose columns others have too
    assert len(alike) <= 8
    asked = [path for path in asked if path not in alike]
    of_each = {name: sum(f"/{name}?" in path for path in asked) for name in (*SMALL, *LARGE)}
    assert max(of_each.values()) <= 2, of_each
    assert sum(request["bytes_out"] for request in shapes.old.server.requests()) < 1_000_000
