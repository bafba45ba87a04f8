"""Checks and notifiers of plugins: named in tables.yaml with their settings, each of them run apart."""

import json
from collections.abc import Iterator

import pytest

from tests.e2e.workspace import ENDS, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

SCHEMA = (
    ROLES
    + """
create table public.items (id bigint primary key, updated_at timestamptz not null default now());
grant select, insert, update, delete on all tables in schema public to service_role;
"""
)
PLUGIN = """
import json
from supasync_core import hookimpl
from supasync_core.api.notifier import Notifier
from supasync_core.api.project_check import ProjectCheck
from supasync_core.api.registration import Setting
from supasync_core.model.errors import PluginError
from supasync_core.model.finding import problem, warning

def floor(context):
    print("what a check prints is not a result")
    assert not hasattr(context.sink, "upsert") and not hasattr(context.sink, "delete")
    for table in context.tables:
        rows = context.sink.count(table)
        if rows < int(context.settings["least"]):
            yield problem(f"{table.name}: NEW has only {rows} rows", table.name, "copy more")
        if context.source is not None and context.source.count(table) > 40:
            yield warning(f"{table.name}: OLD has many rows")

def broken(context):
    raise RuntimeError("the key is " + context.settings.get("token", "none"))

def leaky(context):
    raise ValueError("bad address: ann@example.test")

def refusing(context):
    raise PluginError("no such service")

def write(end):
    told = {"status": end.report.status, "code": end.exit_code, "to": end.settings["to"]}
    (end.folder / "told.json").write_text(json.dumps(told))

def raise_it(end):
    raise RuntimeError(end.settings["token"])

def number(text):
    return None if text.isdigit() else f"expected a number, not {text}"

@hookimpl
def supasync_register_checks(registry):
    least = {"least": Setting(check=number)}
    registry.add("floor", ProjectCheck(what="NEW has enough rows", run=floor, settings=least))
    token = {"token": Setting(secret=True, required=False)}
    registry.add("leaky", ProjectCheck(what="addresses are right", run=leaky))
    registry.add("refusing", ProjectCheck(what="a service is there", run=refusing))
    registry.add("broken", ProjectCheck(what="it works", run=broken, settings=token))

@hookimpl
def supasync_register_notifiers(registry):
    registry.add("file", Notifier(write, {"to": Setting()}))
    registry.add("raising", Notifier(raise_it, {"token": Setting(secret=True)}))
"""
HEAD = ENDS + "plugins: mine.py\n"
TABLES = "tables:\n  items:\n"


@pytest.fixture(scope="module")
def prepared(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    config = ENDS + TABLES
    with between(cluster, tmp_path_factory.mktemp("checks"), SCHEMA, SCHEMA, config) as made:
        made.old.run("insert into public.items (id) select generate_series(1, 50)")
        made.write("mine.py", PLUGIN)
        made.write(".env", f"{(made.folder / '.env').read_text()}TOKEN=token-of-the-tests\n")
        yield made.ready().keep()


@pytest.fixture
def space(prepared: Workspace) -> Workspace:
    prepared.again().forget()
    return prepared


def test_a_check_is_a_line_of_check_and_of_the_switch(space: Workspace) -> None:
    space.write("tables.yaml", f"{HEAD}checks: {{floor: {{least: 10}}}}\n{TABLES}")
    found = space.supasync("check", "--json")
    kinds = {each["text"]: each["kind"] for each in found.json["findings"]}
    assert kinds["items: NEW has only 0 rows"] == kinds["items: OLD has many rows"] == "check:floor"
    assert "what a check prints" in found.err
    assert found.code == 3
    plan = space.supasync("cutover", "--plan")
    assert "NEW has enough rows" in plan.out
    assert "items: NEW has only 0 rows" in plan.out + plan.err
    assert "OLD has many rows" not in plan.out, "a plan asks OLD for nothing"
    assert space.supasync("sync").code == 0
    assert space.supasync("check").code == 0
    assert "only 0 rows" not in space.supasync("cutover", "--plan").out


def test_a_check_that_fails_is_named_and_shows_no_secret(space: Workspace) -> None:
    checks = 'checks: [{broken: {token: "${TOKEN}"}}, {floor: {least: 0}}]\n'
    space.write("tables.yaml", HEAD + checks + TABLES)
    done = space.supasync("check")
    told = done.out + done.err
    assert "the plugin mine (" in told
    assert "failed in its check broken: RuntimeError" in told
    assert "items: OLD has many rows" in told, "the others are run"
    assert "token-of" not in told
    plan = space.supasync("cutover", "--plan")
    assert "failed in its check broken" in plan.out + plan.err


def test_the_message_of_a_check_that_fails_may_hold_values_and_is_not_shown(space: Workspace) -> None:
    space.write("tables.yaml", HEAD + "checks: [leaky, refusing]\n" + TABLES)
    done = space.supasync("check")
    told = done.out + done.err
    assert "failed in its check leaky: ValueError" in told
    assert "ann@example.test" not in told
    assert "failed in its check refusing: no such service" in told


@pytest.mark.parametrize(
    ("setting", "flaw"),
    [
        ("checks: {floor: {least: few}}", ":6:25: checks.floor.least: expected a number, not few"),
        ("checks: flor", ":6:9: checks: unknown check flor, did you mean floor?"),
        ("checks: floor", ":6:9: checks.floor.least: is missing: the check needs least: ..."),
        ("notify: {file: {to: a, from: b}}", ":6:24: notify.file.from: unknown setting"),
        ("notify: {raising: {token: literal}}", ":6:27: notify.raising.token: is secret: put it into .env"),
    ],
)
def test_each_mistake_has_its_place(space: Workspace, setting: str, flaw: str) -> None:
    space.write("tables.yaml", f"{HEAD}{setting}\n{TABLES}")
    done = space.supasync("sync")
    assert done.code == 2
    assert flaw in done.err


def test_notifiers_hear_how_a_run_ended_and_none_changes_that(space: Workspace) -> None:
    notify = 'notify: {raising: {token: "${TOKEN}"}, file: {to: me}}\n'
    space.write("tables.yaml", HEAD + notify + TABLES)
    done = space.supasync("sync")
    assert done.code == 0, done.out + done.err
    assert "failed in its notifier raising: RuntimeError" in done.err
    assert "token-of" not in done.out + done.err
    told = json.loads((space.folder / "told.json").read_text())
    assert told == {"status": "success", "code": 0, "to": "me"}
    space.write("tables.yaml", (HEAD + notify + TABLES).replace("items:", "nothing:"))
    assert space.supasync("sync").code == 3
    assert json.loads((space.folder / "told.json").read_text())["code"] == 3


def test_a_check_that_fails_stops_the_switch_unless_a_person_accepts_it(space: Workspace) -> None:
    checks = "checks: {floor: {least: 100}}\ndefaults: {overlap: 0s}\n"
    space.write("tables.yaml", HEAD + checks + TABLES)
    assert space.supasync("sync").code == 0
    done = space.supasync("cutover", "--yes", "--json")
    results = {check["name"]: check for check in done.json["checks"]}
    assert results["check:floor"]["result"] == "failed", done.out + done.err
    assert results["check:floor"]["detail"] == "items: NEW has only 50 rows"
    assert space.supasync("state", "show", "--json").json["closed"] is None
    others = [
        name for name, check in results.items() if check["result"] == "failed" and name != "check:floor"
    ]
    accepted = [each for name in ("check:floor", *others) for each in ("--accept", name)]
    done = space.supasync("cutover", "--yes", "--json", *accepted)
    assert done.code == 0, done.out + done.err
    assert space.supasync("state", "show", "--json").json["closed"]
    unknown = space.supasync("cutover", "--yes", "--accept", "check:flor")
    assert "did you mean check:floor?" in unknown.err
