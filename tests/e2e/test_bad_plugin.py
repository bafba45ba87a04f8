"""A plugin that fails between two projects: the run copies, pings and ends as it would without it."""

from pathlib import Path

from tests.e2e.workspace import ENDS, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster
from tests.supasync_notify.listener import listening

SCHEMA = (
    ROLES
    + """
create table public.people (id bigint primary key, name text, updated_at timestamptz not null default now());
grant select, insert, update, delete on all tables in schema public to service_role;
"""
)
ROWS = "insert into public.people (id, name) select g, 'p' || g from generate_series(1, 30) g"
PLUGIN = """
from supasync_core import hookimpl

HOOKS = 1

@hookimpl
def supasync_register_transforms(registry):
    registry.add("loud", loud)

def loud(row):
    print("noise")
    return row

@hookimpl
def supasync_run_finished(report, environment):
    print("noise")
    raise RuntimeError(environment["SUPABASE_SERVICE_ROLE_KEY"])
"""
CONFIG = ENDS + "plugins: mine.py\ntables:\n  people: {transform: loud}\n"


def test_rows_arrive_the_ping_goes_out_and_the_code_is_that_of_the_run(
    cluster: Cluster, tmp_path: Path
) -> None:
    with between(cluster, tmp_path, SCHEMA, SCHEMA, CONFIG) as space, listening() as heard:
        space.write("mine.py", PLUGIN)
        space.ready().old.run(ROWS)
        ping = {"SUPASYNC_PING_URL": f"{heard.url}/uuid"}
        done = space.supasync("sync", "--json", environment=ping)
        assert (done.code, done.json["records"]) == (0, 30), done.err
        assert done.err.count("noise\n") == 31
        assert (
            "note: the plugin mine (mine.py:17) failed in supasync_run_finished: RuntimeError\n" in done.err
        )
        assert heard.take()[0] == ["/uuid"]
        space.assert_equal("people")
        assert space.supasync("status").code == 0

        space.write("mine.py", PLUGIN.replace("HOOKS = 1", "HOOKS = 2"))
        refused = space.supasync("sync", environment=ping)
        assert refused.code == 2
        assert "made for version 2 of the hooks, and this supasync has version 1" in refused.err
        assert heard.take()[0] == ["/uuid/fail"]
