"""Steps of plugins, a section of tables.yaml each, taken before the tables, which are copied in any case."""

from collections.abc import Iterator

import pytest

from tests.e2e.workspace import ENDS, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

SCHEMA = (
    ROLES
    + """
create table public.jobs (id bigint primary key, updated_at timestamptz not null default '2024-01-01');
grant select, insert, update, delete on all tables in schema public to service_role;
"""
)
CONFIG = ENDS + "plugins: mine.py\nmine: {does: MODE}\ntables:\n  jobs:\n"
PLUGIN = """
from supasync_core import hookimpl
from supasync_core.api.registration import Setting
from supasync_core.api.run_step import RunStep
from supasync_core.model.errors import TransientError
from supasync_core.model.finding import problem
from supasync_core.model.report import StepResult

HOOKS = 1


def run(context):
    match context.settings["does"]:
        case "work":
            context.fence.ask()
            assert context.go_on()
            return StepResult(summary="2 things done", notes=("one of them twice",), details={"things": 2})
        case "fail":
            raise ValueError("a plain mistake")
        case "wait":
            raise TransientError("the shop is closed", hint="it opens at nine")
        case "lie":
            return "done"


@hookimpl
def supasync_register_steps(registry):
    registry.add("mine", RunStep(
        what="things",
        run=run,
        plan=lambda context: "would do 2 things",
        check=lambda context: [problem("the shop has moved")] if context.settings["does"] == "fail" else [],
        prove=lambda context: [],
        settings={"does": Setting()},
    ))
"""


@pytest.fixture(scope="module")
def made(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    config = CONFIG.replace("MODE", "work")
    with between(cluster, tmp_path_factory.mktemp("steps"), SCHEMA, SCHEMA, config) as space:
        space.write("mine.py", PLUGIN)
        yield space.ready()


def does(space: Workspace, mode: str) -> Workspace:
    space.write("tables.yaml", CONFIG.replace("MODE", mode))
    rows = "insert into public.jobs (id, updated_at) select coalesce(max(id), 0) + 1, now() from public.jobs"
    space.old.run(rows)
    return space


def test_a_step_is_taken_and_said(made: Workspace) -> None:
    done = does(made, "work").supasync("sync")
    assert done.code == 0, done.out + done.err
    assert "mine: 2 things done" in done.out
    assert "mine: one of them twice" in done.err
    report = made.supasync("sync", "--json").json
    assert report["steps"]["mine"]["things"] == 2
    assert "mine: would do 2 things" in made.supasync("sync", "--dry-run").out


@pytest.mark.parametrize(
    ("mode", "code", "said"),
    [
        ("fail", 1, "a plain mistake"),
        ("wait", 4, "mine: the shop is closed"),
        ("lie", 1, "the step returned str, and must return a StepResult"),
    ],
)
def test_a_step_fails_alone_with_a_place_in_the_exit_code(
    made: Workspace, mode: str, code: int, said: str
) -> None:
    done = does(made, mode).supasync("sync")
    assert (done.code, said in done.err) == (code, True), done.out + done.err
    made.assert_equal("jobs")
    assert made.supasync("sync", "--table", "jobs").code == 0


def test_what_a_step_finds_is_a_finding_of_check(made: Workspace) -> None:
    done = does(made, "fail").supasync("check")
    assert done.code == 3
    assert "problem: the shop has moved" in done.out
    assert does(made, "work").supasync("check").code == 0
