"""`supasync tables` changes the entry that it is asked for, and no other character of tables.yaml."""

from pathlib import Path

import duckdb
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from supasync_core.init.edit_tables import with_entry, with_name, without_entry, without_name
from supasync_core.model.errors import ConfigError
from tests.diff.calling import call

HEAD = """\
# What is copied.
version: 1
source: {backend: duckdb, path: old.duckdb}   # OLD
sink:   {backend: duckdb, path: new.duckdb}

"""
NAMES = st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True)
ENTRIES = st.sampled_from(
    [
        "{n}:",
        "{n}: {{key: [id, tag], strategy: snapshot}}   # as it is",
        "{n}:  # the people\n{i}# by key\n{i}key: id\n{i}timestamp:\n{i}  - a\n{i}  - b  # b\n{i}# the end",
        '"{n}":\n{i}strategy:\n{i}  append: {{column: seq}}',
    ]
)
BETWEEN = st.sampled_from(["", "\n", "\n# about the next\n", "# close to the next\n"])
AFTER = st.sampled_from(["", "\nignore:\n  - other\n", "\n# the end\nworkers: 2\n"])


@pytest.mark.slow
@given(
    st.lists(st.tuples(NAMES, ENTRIES, BETWEEN), min_size=2, max_size=5, unique_by=lambda each: each[0]),
    AFTER,
    st.sampled_from(["  ", "    "]),
    st.integers(0, 4),
)
def test_only_the_entry_is_taken_out(
    entries: list[tuple[str, str, str]], after: str, indent: str, which: int
) -> None:
    lines = [
        (indent + form.format(n=name, i=2 * indent) + "\n", _indented(between, indent))
        for name, form, between in entries
    ]
    which %= len(entries)
    text = HEAD + "tables:\n" + "".join(before + line for line, before in lines) + after
    wanted = (
        HEAD
        + "tables:\n"
        + "".join(before + ("" if i == which else line) for i, (line, before) in enumerate(lines))
        + after
    )
    assert without_entry(text, entries[which][0]) == wanted
    added = with_entry(text, "new_one", "  new_one:\n    key: id  # the primary key\n")
    assert [line for line in added.splitlines() if line not in text.splitlines()] == [
        f"{indent}new_one:",
        f"{indent}  key: id  # the primary key",
    ]
    assert without_entry(added, "new_one").split() == text.split()


def _indented(lines: str, indent: str) -> str:
    return "".join(f"{indent}{line}\n" if line else "\n" for line in lines.splitlines())


@pytest.mark.parametrize(
    "lists",
    [
        "ignore: [a, b]  # left out\n",
        "ignore:\n  - a  # why\n  - b\n",
        "ignore:\n- a\n- b\nworkers: 2\n",
        "ignore: [b, a]",
        "ignore: [a, # why\n  b,\n  # the end\n]\n",
    ],
)
def test_a_name_is_put_into_a_list_and_taken_out_again(lists: str) -> None:
    text = f"{HEAD}tables:\n  users:\n{lists}"
    added = with_name(text, "ignore", "no")
    assert set(yaml.safe_load(added)["ignore"]) == {"a", "b", "no"}
    assert without_name(added, "ignore", "no") == text
    assert yaml.safe_load(without_name(text, "ignore", "a"))["ignore"] == ["b"]


@pytest.mark.parametrize("lists", ["", "ignore:\n", "ignore: []\n", "ignore: jobs\n"])
def test_a_list_is_made_where_there_is_none(lists: str) -> None:
    added = with_name(f"{HEAD}tables:\n  users:\n{lists}", "ignore", "app.x: y")
    assert yaml.safe_load(added)["ignore"][-1] == "app.x: y"


def test_the_reason_behind_an_undecided_table_goes_with_it() -> None:
    listed = (
        "undecided:\n  - totals  # a view: copy the tables\n            # behind it\n  - prints  # no key\n"
    )
    text = f"{HEAD}{listed}tables:\n  users:\n"
    assert without_name(text, "undecided", "totals") == text.replace(
        "  - totals  # a view: copy the tables\n            # behind it\n", ""
    )


def test_no_comment_of_a_list_is_lost() -> None:
    text = f"{HEAD}tables:\n  users:\nignore: [ # all of them\n  a, # why\n  b # why not\n]\n"
    assert without_name(text, "ignore", "a") == text.replace("a, # why\n  b", "b")
    assert without_name(text, "ignore", "b") == text.replace("b # why not", " # why not")
    text = f"{HEAD}tables:\n  users:\nignore: [a, # why\n  # about b\n  b]\n"
    assert without_name(text, "ignore", "a") == text.replace("a, # why", "")
    empty = f"{HEAD}tables:\n  users:\nignore: [ # none\n]\n"
    assert without_name(with_name(empty, "ignore", "a"), "ignore", "a") == empty
    assert "# none" in with_name(f"{HEAD}tables:\n  users:\nignore: # none\n", "ignore", "a")


def test_tables_on_one_line_are_left_to_a_person() -> None:
    with pytest.raises(ConfigError, match="change it by hand"):
        with_entry(HEAD + "tables: {users: }\n", "jobs", "  jobs:\n")


@pytest.mark.parametrize("end", ["\x85", "\r"])
def test_other_line_ends_are_left_to_a_person(end: str) -> None:
    text = "version: 1\ntables:\n  a: {strategy: snapshot}\n  b: {strategy: snapshot}\n".replace("\n", end)
    with pytest.raises(ConfigError, match="change it by hand"):
        without_entry(text, "b")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("old", "new"):
        with duckdb.connect(str(tmp_path / f"{name}.duckdb")) as connection:
            connection.execute(
                "create table users (id bigint primary key, updated_at timestamptz);"
                "create table jobs as from users; alter table jobs add primary key (id);"
                "create table bare (name varchar)"
            )
    (tmp_path / "tables.yaml").write_text(
        f"{HEAD}ignore: [jobs]\ntables:\n  users:   {{strategy: snapshot}}   # all of them\n"
    )
    return tmp_path


def test_a_table_is_added_as_init_would_write_it_and_removed_again(project: Path) -> None:
    before = (project / "tables.yaml").read_text()
    done = call(project, "tables", "add", "jobs")
    assert done.code == 0, done.out + done.err
    text = (project / "tables.yaml").read_text()
    assert text.startswith(before.replace("[jobs]", "[]"))
    assert yaml.safe_load(text)["tables"]["jobs"]["key"] == "id"
    assert call(project, "check").code == 0
    assert call(project, "tables", "remove", "jobs").code == 0
    assert (project / "tables.yaml").read_text() == before


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (("add", "users"), "is there already"),
        (("add", "nobody"), "OLD shows no table nobody"),
        (("add", "bare"), "cannot be copied as it is: "),
        (("remove", "nobody"), "there is no table nobody"),
        (("remove", "users"), "the only table"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_written(
    project: Path, command: tuple[str, ...], why: str
) -> None:
    before = (project / "tables.yaml").read_text()
    done = call(project, "tables", *command)
    assert (done.code != 0, why in done.err) == (True, True), done.err
    assert (project / "tables.yaml").read_text() == before


def test_a_table_that_others_depend_on_is_not_removed(project: Path) -> None:
    with (project / "tables.yaml").open("a") as file:
        file.write("  jobs: {strategy: snapshot, depends_on: users}\n")
    (project / "tables.yaml").write_text((project / "tables.yaml").read_text().replace("[jobs]", "[]"))
    done = call(project, "tables", "remove", "users")
    assert (done.code, "jobs depends on users" in done.err) == (2, True)


@pytest.mark.parametrize("name", ["${X}", "a,b", "dot.ted"])
def test_an_odd_name_is_added_and_removed_again_and_lines_end_as_before(project: Path, name: str) -> None:
    for side in ("old", "new"):
        with duckdb.connect(str(project / f"{side}.duckdb")) as connection:
            connection.execute(f'create table "{name}" (id bigint primary key, updated_at timestamptz)')
    path = project / "tables.yaml"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    before = path.read_bytes()
    for _ in range(2):
        done = call(project, "tables", "add", name)
        assert done.code == 0, done.err
        done = call(project, "tables", "remove", name)
        assert done.code == 0, done.err
    after = path.read_bytes()
    assert yaml.safe_load(after)["ignore"] == ["jobs", name.replace("${", "$${")]
    assert after.count(b"\n") == after.count(b"\r\n") == before.count(b"\n")
