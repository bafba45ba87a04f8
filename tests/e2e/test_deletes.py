"""Rows that are deleted in OLD, in daily use: `sync` names them, or removes them from NEW under guards."""

import os
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from tests.e2e.workspace import TABLES_YAML, Workspace


def _declare(space: Workspace, deletes: str) -> None:
    names = ("jobs", "sessions", "usage_logs")
    text = TABLES_YAML
    for name in names:
        text = text.replace(f"{name}:", f"{name}:", 1).replace(
            f"  {name}:        {{", f"  {name}:        {{deletes: {deletes}, ", 1
        )
        text = text.replace(f"  {name}:    {{", f"  {name}:    {{deletes: {deletes}, ", 1)
        text = text.replace(f"  {name}:  {{", f"  {name}:  {{deletes: {deletes}, ", 1)
    assert text.count(f"deletes: {deletes}") == len(names)
    space.write("tables.yaml", text)


def a_day_later(space: Workspace) -> None:
    """Let the state say that deletes were looked for long ago."""
    then, long_ago = '"verified_at": "2[^"]*"', '"verified_at": "2020-01-01T00:00:00Z"'
    day = f"regexp_replace(state::text, '{then}', '{long_ago}', 'g')"
    space.new.run(f"update sync_metadata set state = {day}::jsonb where state is not null")  # noqa: S608


def _ids(space: Workspace, table: str) -> set[int]:
    return {row[0] for row in space.new.rows(f"select id from public.{table}")}  # noqa: S608


def test_deleted_rows_are_named_once_a_day_and_stay(workspace: Workspace) -> None:
    _declare(workspace, "report")
    workspace.supasync("sync")
    workspace.old.run("delete from public.usage_logs where id in (5, 6)")
    workspace.new.run("insert into public.jobs (id, cost) values (9001, 1)")
    assert "deleted" not in workspace.supasync("sync", "--json").json["tables"]["usage_logs"]
    a_day_later(workspace)
    done = workspace.supasync("sync")
    assert done.code == 0, done.err
    assert "usage_logs: 2 rows of NEW are deleted in OLD: 5; 6" in done.err
    assert "jobs: 1 row of NEW is not in OLD: deleted there before supasync saw it, or written" in done.err
    assert {5, 6} <= _ids(workspace, "usage_logs")
    status = workspace.supasync("status")
    assert "usage_logs: 2 rows are in NEW and not in OLD" in status.out
    assert "written in NEW alone): 5; 6" in status.out
    record = workspace.supasync("status", "--json").json["runs"][0]["details"]["tables"]["usage_logs"]
    assert (record["deleted"], record.get("removed")) == (2, None)
    assert {request["method"] for request in workspace.new.server.requests()} <= {"GET", "POST", "HEAD"}


def test_mirrored_deletes_are_removed_children_first_and_only_what_old_had(workspace: Workspace) -> None:
    _declare(workspace, "mirror")
    workspace.new.run("insert into public.jobs (id, cost) values (9001, 1)")  # OLD never had it
    assert workspace.supasync("sync").code == 0
    workspace.old.run("delete from public.usage_logs where job_id = 7")
    workspace.old.run("delete from public.jobs where id = 7")
    a_day_later(workspace)
    done = workspace.supasync("sync")
    assert done.code == 0, done.err
    assert "jobs: 1 row was removed from NEW" in done.err
    assert "jobs: 1 row that OLD does not have is left in NEW: nothing shows" in done.err
    assert 7 not in _ids(workspace, "jobs")
    assert 9001 in _ids(workspace, "jobs")
    workspace.assert_equal("usage_logs", "sessions")
    assert {request["method"] for request in workspace.old.server.requests()} <= {"GET", "HEAD"}
    assert "(deleted there, or written in NEW alone): 9001" in workspace.supasync("status").out


def test_a_mass_delete_is_left_for_a_person(workspace: Workspace) -> None:
    _declare(workspace, "mirror")
    workspace.supasync("sync")
    workspace.old.run("delete from public.usage_logs where id <= 150")
    a_day_later(workspace)
    done = workspace.supasync("sync")
    assert done.code == 3, done.out + done.err
    assert "150 rows would be removed; the limit is 55" in done.err
    assert {1, 150} <= _ids(workspace, "usage_logs")
    assert "150 rows are in NEW and not in OLD" in workspace.supasync("status").out


def test_a_table_that_shows_no_row_is_no_reason_to_delete_any(workspace: Workspace) -> None:
    _declare(workspace, "mirror")
    workspace.supasync("sync")
    workspace.old.run("truncate public.sessions")
    a_day_later(workspace)
    done = workspace.supasync("sync")
    assert done.code == 3, done.out + done.err
    assert "sessions: OLD returned no rows" in done.err
    assert len(workspace.new.texts("sessions")) == 300


def _damaged(staging: Path, how: str) -> dict[str, str]:
    """A staging that cannot be used, and what else the command's environment needs for that."""
    if how == "full disk":  # a file that may not grow: what DuckDB is told is the same
        limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (2_000,) * 2)\n"
        (staging.parent.parent / "sitecustomize.py").write_text(limit)
        staging.unlink()
        return {"PYTHONPATH": str(staging.parent.parent)}
    whole = staging.read_bytes()
    bytes_of = {"cut": whole[: len(whole) // 2], "garbage": os.urandom(len(whole))}
    if how == "a folder":
        staging.unlink()
        staging.mkdir()
    elif how in bytes_of:
        staging.write_bytes(bytes_of[how])
    else:  # its header is whole, and its blocks are not
        staging.write_bytes(whole[:12_288] + bytes(len(whole) - 12_288))
    return {}


@pytest.mark.parametrize("how", ["full disk", "cut", "garbage", "a folder", "blocks of zeros"])
def test_a_staging_that_fails_is_an_alert_and_what_was_copied_is_kept(workspace: Workspace, how: str) -> None:
    _declare(workspace, "mirror")
    assert workspace.supasync("sync").code == 0
    a_day_later(workspace)
    workspace.old.run("insert into public.usage_logs (id, action) values (990001, 'a')")
    (staging,) = workspace.folder.rglob("*.duckdb")
    environment = _damaged(staging, how)
    done = workspace.supasync("sync", environment=environment)
    assert done.code == 3, done.out + done.err
    assert "deleted rows were not looked for; the next run looks for them: " in done.err
    assert "internal error" not in done.err
    run = workspace.supasync("status", "--json").json["runs"][0]
    assert run["status"] == "success", "cursors are saved with that"
    assert workspace.supasync("sync", environment=environment).code == 3, "until somebody acts"
    if how == "a folder":
        staging.rmdir()
    else:
        staging.unlink(missing_ok=True)
    assert workspace.supasync("sync").code == 0


def test_a_staging_that_stays_taken_becomes_an_alert(workspace: Workspace) -> None:
    _declare(workspace, "mirror")
    assert workspace.supasync("sync").code == 0
    (staging,) = workspace.folder.rglob("*.duckdb")
    with closing(duckdb.connect(str(staging))):
        assert workspace.supasync("sync").code == 0, "nothing is due"
        day = "state::text, '(\"verified_at\": )\"[^\"]*\"', '\\1\"' || {0} || '\"', 'g'"
        for then, code in (("(now() - interval '25 hours')", 4), ("(now() - interval '9 days')", 3)):
            new = f"regexp_replace({day.format(then)})::jsonb"
            workspace.new.run(f"update sync_metadata set state = {new} where state is not null")  # noqa: S608
            done = workspace.supasync("sync")
            assert done.code == code, done.out + done.err
            assert "in use by another process" in done.err
