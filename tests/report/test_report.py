"""`supasync report` shows where a migration stands, on one page that holds everything itself."""

import json
import os
import re
import stat
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from supasync_core.report.charts import ticks
from tests.report.conftest import HOSTILE, TABLES_YAML, Project, Reader

_LOADED = {"src", "href", "action", "srcset", "data", "poster", "background"}


def change(path: Path, statement: str) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute(statement)


@pytest.mark.slow
def test_the_page_runs_no_script_and_loads_nothing(project: Project) -> None:
    page = project.page()
    reader = Reader()
    reader.feed(page)
    assert not {tag for tag, _ in reader.tags} & {"script", "link", "img", "iframe", "object", "base", "a"}
    assert not [attrs for _, attrs in reader.tags if _LOADED & set(attrs)]
    assert not [name for _, attrs in reader.tags for name in attrs if name.startswith("on")]
    assert "url(" not in page
    assert "@import" not in page


def test_the_first_sentence_says_how_far_new_is_and_when_old_is_full(project: Project) -> None:
    reader = Reader()
    reader.feed(project.page())
    said = " ".join(reader.texts)
    assert re.search(
        r"NEW has everything up to \d\d:\d\d UTC; the last run succeeded just now; OLD reaches", said
    )
    assert ("li", {"class": "now", "aria-current": "step"}) in reader.tags


def test_a_last_run_that_failed_is_no_good_news(project: Project) -> None:
    budgets = "budgets: {requests: 50000, egress: 5GB, database: 500MB}\n"
    (project.folder / "tables.yaml").write_text(TABLES_YAML.replace(budgets, ""))
    assert '<section class="verdict good"' in project.page()
    change(
        project.folder / "new.duckdb",
        "update sync_metadata set sync_status = 'partial' "
        "where number = (select max(number) from sync_metadata)",
    )
    page = project.page()
    assert "the last run was incomplete" in page
    assert '<section class="verdict warn"' in page


def test_each_chart_has_a_title_an_axis_and_a_text_for_screen_readers(project: Project) -> None:
    page = project.page()
    charts = re.findall(r'<svg class="chart".*?</svg>', page)
    titles = [re.search(r"<title[^>]*>([^<]*)", chart) for chart in charts]
    assert {found[1] for found in titles if found} >= {
        "Rows copied a day",
        "Runs a day",
        "Longest run of a day",
        "OLD: egress this month",
        "OLD: database",
    }
    for chart in charts:
        assert re.search(r"<desc[^>]*>[^<]{5,}", chart)
        assert chart.count('class="tick"') >= 4
    ids = re.findall(r' id="([^"]*)"', page)
    assert len(ids) == len(set(ids))


def test_the_same_records_make_the_same_page(project: Project) -> None:
    pages = {re.sub(r"\d\d:\d\d UTC|just now|\d min ago", "", project.page()) for _ in range(2)}
    assert len(pages) == 1


def test_old_gets_no_request(project: Project) -> None:
    (project.folder / "old.duckdb").unlink()
    assert "NEW has everything" in project.text()


@pytest.mark.slow
def test_values_of_rows_are_hidden_unless_they_are_asked_for(project: Project) -> None:
    change(project.folder / "old.duckdb", "update users set email = 'other@example.test' where id = 7")
    change(project.folder / "new.duckdb", "delete from jobs where id = 31")
    said = project.text("--verify")
    assert "1 row differs" in said
    assert "1 missing in NEW" in said
    assert "example.test" not in said
    assert "missing in NEW: 31" not in said
    shown = project.text("--values")
    assert "missing in NEW: 31" in shown
    assert "alice@example.test" in shown


def test_rows_of_both_sides_are_those_of_the_last_verification(project: Project) -> None:
    assert "none is kept on this machine yet" in project.text()
    project.run("verify", "--exact")
    said = project.text()
    assert re.search(r"users ok .{3,9} 40 40 0", said)
    assert re.search(r"verification on this machine ended \w", said)


@pytest.mark.slow
def test_a_verification_of_one_table_does_not_replace_that_of_all(project: Project) -> None:
    project.run("verify", "--exact")
    project.run("verify", "--table", "users")
    assert re.search(r"jobs ok .{3,9} 40 40 0", project.text())


@pytest.mark.slow
def test_the_last_diff_of_both_projects_is_shown_without_keys_unless_they_are_asked_for(
    project: Project,
) -> None:
    assert "supasync diff" not in project.text()
    change(project.folder / "old.duckdb", "update users set email = 'other@example.test' where id = 7")
    change(project.folder / "new.duckdb", "delete from jobs where id = 31")
    project.run("diff", "new", "old", "--format", "jsonl", code=1)
    for narrowed in (["--table", "jobs"], ["--columns", "id"], ["--ignore", "email"]):
        project.run("diff", "old", "new", *narrowed, code=1)
    (project.folder / "old.duckdb").unlink()
    said = project.text()
    assert "The last supasync diff of OLD and NEW on this machine ended" in said
    assert "users different 39 1 changed email 1 update without a timestamp 1" in said
    assert "jobs different 39 1 missing in NEW" in said
    assert "the last diff found 2 rows that differ" in said
    assert "missing in NEW: 31" not in said
    assert "example.test" not in said
    assert "missing in NEW: 31" in project.text("--values")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["diff", "verification"])
def test_what_is_kept_and_damaged_is_as_if_it_were_not_there(project: Project, name: str) -> None:
    project.run("diff", "old", "new")
    project.run("verify", "--exact")
    path = project.folder / ".supasync" / f"{name}.json"
    kept = json.loads(path.read_text())
    wrong = ({"sides": 5}, {"tables": {"users": 5}}, {"tables": {"users": {"missing": 5, "rows": 5}}})
    damaged = [json.dumps({**kept, **each}) for each in wrong]
    for text in (*damaged, "[" * 100_000):
        path.write_text(text)
        project.text("--values")


def test_rows_of_a_diff_that_were_not_looked_at_are_said_to_be_so(project: Project) -> None:
    change(project.folder / "new.duckdb", "delete from jobs where id < 5")
    project.run("diff", "old", "new", "--format", "csv", "--limit", "2", code=1)
    assert "5 missing in NEW" in (said := project.text())
    assert "(of the first 2)" in said


def test_what_was_done_beside_the_tables_is_shown(project: Project) -> None:
    assert "Accounts, files" not in project.text()
    steps = {"auth": {"status": "ok", "summary": "2 created"}, "storage": {"status": "failed", "summary": ""}}
    with duckdb.connect(str(project.folder / "new.duckdb")) as connection:
        newest = "where number = (select max(number) from sync_metadata)"
        merged = "update sync_metadata set details = json_merge_patch(details, ?)"
        connection.execute(f"{merged} {newest}", [json.dumps({"steps": steps})])
    refs = [f"duckdb:{project.folder}/{name}.duckdb" for name in ("old", "new")]
    seen = {"source": refs[0], "sink": refs[1], "at": "2024-01-01T00:00:00Z", "lines": ["OLD has 3 buckets"]}
    (project.folder / ".supasync/account.json").write_text(json.dumps(seen))
    said = project.text()
    assert "auth ok 2 created storage failed" in said
    assert "OLD has 3 buckets" in said


def test_names_are_text_whatever_they_hold(project: Project) -> None:
    for name in ("old", "new"):
        change(
            project.folder / f"{name}.duckdb",
            f'create table "{HOSTILE.replace(chr(34), chr(34) * 2)}" (id int)',
        )
    entry = f"  {json.dumps(HOSTILE)}: {{strategy: snapshot}}\n"
    (project.folder / "tables.yaml").write_text(TABLES_YAML + entry)
    reader = Reader()
    reader.feed(project.page())
    assert not [tag for tag, attrs in reader.tags if tag == "script" or "onload" in attrs]
    assert any("<script>alert(1)</script>" in text for text in reader.texts)
    assert not re.search("[\u202e\x1b]", "".join(reader.texts))
    assert "1 of 3 tables not complete in NEW" in " ".join(reader.texts)


def test_the_file_is_for_its_owner_alone(project: Project) -> None:
    project.page()
    assert stat.S_IMODE((project.folder / "page.html").stat().st_mode) == 0o600


def test_before_the_first_run_the_page_says_so(project: Project) -> None:
    (project.folder / "new.duckdb").unlink()
    change(project.folder / "new.duckdb", "create table users (id bigint primary key, email varchar)")
    said = project.text()
    assert "Nothing has been copied yet" in said
    assert "supasync setup" in said


def test_each_sync_writes_the_page_that_tables_yaml_names(project: Project) -> None:
    (project.folder / "tables.yaml").write_text(f"{TABLES_YAML}report: {{path: shown.html}}\n")
    project.run("sync")
    assert "NEW has everything" in (project.folder / "shown.html").read_text()


def test_a_page_that_cannot_be_written_does_not_change_how_the_run_ended(project: Project) -> None:
    (project.folder / "tables.yaml").write_text(f"{TABLES_YAML}report: {{path: old.duckdb/shown.html}}\n")
    assert "note: the report" in project.run("sync").err


@pytest.mark.slow
def test_a_file_that_supasync_did_not_write_is_never_replaced_by_a_page(project: Project) -> None:
    """Neither by a command nor by a run of a folder that somebody else has set up."""
    others = [project.folder / name for name in ("old.duckdb", "new.duckdb", "tables.yaml", "app.html")]
    others[-1].write_text("<!doctype html><title>the app's</title>")
    os.mkfifo(project.folder / "pipe.html")
    (project.folder / "link.html").symlink_to("app.html")
    before = [each.read_bytes() for each in others]
    for name in ("old.duckdb", "new.duckdb", "tables.yaml", "app.html", "pipe.html", "link.html"):
        said = project.run("report", "--out", name, code=3).err
        assert f"{name} is not replaced: supasync has not written such a file there" in said
    assert [each.read_bytes() for each in others] == before
    project.run("report", "--out", "page.html")
    project.run("report", "--out", "page.html")

    (project.folder / "tables.yaml").write_text(f"{TABLES_YAML}report: {{path: app.html}}\n")
    assert "note: the report" in project.run("sync").err
    assert others[-1].read_bytes() == before[-1]


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        "created_at = 'infinity'",
        "created_at = '9999-12-31T23:59:59Z', finished_at = '-infinity'",
        "created_at = '4000-01-01T00:00:00Z BC'",
        """details = '{"tables": [1], "seconds": 1e400, "steps": 7}'""",
        """details = '{"tables": {"users": 5, "jobs": {"synced": 1e400}}, "seconds": 1e300}'""",
        """details = '{"costs": {"OLD": {"read": {"requests": -5, "received": 1e400}}}}'""",
    ],
)
def test_a_record_that_says_something_absurd_ends_no_command(project: Project, change: str) -> None:
    with duckdb.connect(str(project.folder / "new.duckdb")) as connection:
        connection.execute(f"update sync_metadata set {change} where run_id like 'run-1%'")  # noqa: S608 - ours
    project.run("sync")
    project.page()
    project.run("usage")
    project.run("status")


def test_a_page_of_a_run_ends_with_html_and_its_address_holds_no_password(project: Project) -> None:
    (project.folder / "tables.yaml").write_text(
        f"{TABLES_YAML}report: {{path: old.duckdb, url: 'https://me:secret@example.test/'}}\n"
    )
    said = project.run("sync", code=2).err
    assert "report.path: must end with .html" in said
    assert "report.url: must hold no user or password" in said
    assert "secret" not in said


def test_an_address_that_nobody_can_open_is_a_mistake_with_its_place(project: Project) -> None:
    (project.folder / "tables.yaml").write_text(f"{TABLES_YAML}report: {{url: 'javascript:alert(1)'}}\n")
    assert "tables.yaml:8:15: report.url: must begin with https://" in project.run("report", code=2).err


def test_a_folder_as_the_file_is_a_mistake(project: Project) -> None:
    assert "is a directory" in project.run("report", "--out", ".", code=2).err


@given(st.floats(min_value=0, max_value=1e15, allow_nan=False))
def test_the_ticks_of_an_axis_are_few_round_and_reach_the_largest_value(most: float) -> None:
    found = ticks(most)
    assert found[0] == 0
    assert 2 <= len(found) <= 6
    assert found[-1] >= most * (1 - 1e-9)


@pytest.mark.parametrize(("most", "last"), [(0.0, 1.0), (12.0, 15.0), (426.5e6, 600e6), (3.0, 3.0)])
def test_an_axis_ends_at_a_round_number(most: float, last: float) -> None:
    assert ticks(most)[-1] == last
