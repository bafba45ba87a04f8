"""What it costs: counted by the servers and by supasync alike, compared with budgets, and kept to."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.workspace import ROWS, SCHEMA, TABLES, TABLES_YAML, Workspace, between
from tests.servers.postgres import Cluster

TYPICAL = {
    "tables": {f"table_{i}": {"status": "ok", "found": 0, "synced": 0, "seconds": 0.01} for i in range(5)},
    "costs": {
        side: {what: {"requests": 5, "sent": 2500, "received": 2000} for what in purposes}
        for side, purposes in {"OLD": ("read", "count"), "NEW": ("state", "write")}.items()
    },
}


@pytest.fixture(scope="module")
def shared(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("usage")
    with between(cluster, folder, SCHEMA + ROWS, SCHEMA) as space:
        yield space.ready()


@pytest.fixture
def space(shared: Workspace) -> Workspace:
    """The same two servers, with NEW empty and nothing ever run."""
    shared.new.run(
        "truncate public.users, public.jobs, public.sessions, public.usage_logs, public.ad_sessions"
    )
    shared.forget()
    (shared.folder / ".supasync" / "last-success").unlink(missing_ok=True)
    shared.write("tables.yaml", TABLES_YAML)
    for end in (shared.old, shared.new):
        end.server.behave()
        end.server.reset()
    return shared


def budgets(space: Workspace, text: str) -> None:
    space.write("tables.yaml", f"{text}\n{TABLES_YAML}")


def recorded(space: Workspace, count: int, created_at: str, details: str) -> None:
    """So many records in NEW, as ``g`` makes them."""
    space.new.run(
        "insert into sync_metadata (created_at, sync_status, run_id, command, details) select "  # noqa: S608
        f"{created_at}, 'success', gen_random_uuid(), 'sync', {details} from generate_series(1, {count}) g"
    )


def share(space: Workspace, project: str, what: str) -> dict[str, object]:
    found = space.supasync("usage", "--json").json["budgets"]
    return next(row for row in found if (row["project"], row["what"]) == (project, what))


def test_usage_counts_what_the_servers_saw(space: Workspace) -> None:
    before = share(space, "OLD", "requests")["used"], share(space, "NEW", "requests")["used"]
    space.requests()
    assert space.supasync("sync").code == 0
    seen = [len(end.server.requests()) for end in (space.old, space.new)]
    after = share(space, "OLD", "requests")["used"], share(space, "NEW", "requests")["used"]
    assert [int(str(b)) - int(str(a)) for a, b in zip(before, after, strict=True)] == [
        seen[0],
        seen[1] - 1,
    ], "all but the request that writes the record"


def test_the_first_load_and_a_dry_run_say_what_they_will_cost(space: Workspace) -> None:
    dry = space.supasync("sync", "--dry-run", "--json").json
    assert sum(dry["rows"].values()) == 3_400
    assert "an estimate" in space.supasync("sync", "--dry-run").out
    space.requests()
    first = space.supasync("sync")
    assert "3,400 rows to copy; an estimate" in first.err
    sent = sum(r["bytes_out"] for r in space.old.server.requests())
    assert 0.4 < dry["estimate"]["egress"]["OLD"] / sent < 4
    asked = len(space.old.server.requests()) - 2 * len(TABLES)  # of the estimate itself
    assert 0.5 < dry["estimate"]["requests"]["OLD"] / asked < 2
    assert "an estimate" not in space.supasync("sync").err


def test_a_month_of_half_hourly_runs_is_two_small_requests(space: Workspace) -> None:
    space.supasync("sync")
    month = "date_trunc('month', now() at time zone 'utc') at time zone 'utc'"
    recorded(space, 1488, f"{month} + g * interval '1 millisecond'", f"'{json.dumps(TYPICAL)}'::jsonb")
    space.requests()
    requests = share(space, "OLD", "requests")["used"]
    seen = space.new.server.requests()
    assert isinstance(requests, int)
    assert requests > 1488 * 10
    assert len(seen) == 2
    assert sum(r["bytes_out"] for r in seen) < 120_000
    assert not space.old.server.requests()


def test_warnings_come_from_sixty_percent_on(space: Workspace) -> None:
    space.supasync("sync")
    used = share(space, "OLD", "requests")["used"]
    assert isinstance(used, int)
    budgets(space, f"budgets: {{requests: {used * 2}}}")
    assert "warning" not in space.supasync("usage").out
    budgets(space, f"budgets: {{requests: {used + 10}, egress: 5GB}}")
    assert "warning: OLD has used" in space.supasync("usage").out
    done = space.supasync("sync")
    assert done.code == 0
    assert "warning: OLD has used" in done.err
    warned = [row for row in done_json(space)["budgets"] if row["warns"]]
    assert {(row["project"], row["what"]) for row in warned} >= {("OLD", "requests")}


def done_json(space: Workspace) -> dict[str, list[dict[str, object]]]:
    found: dict[str, list[dict[str, object]]] = space.supasync("usage", "--json").json
    return found


@pytest.mark.parametrize(("setting", "limit"), [("requests", 18), ("egress", 120_000)])
def test_a_run_stops_before_it_exceeds_a_budget_and_the_next_one_goes_on(
    space: Workspace, setting: str, limit: int
) -> None:
    already = share(space, "OLD", setting)["used"]
    assert isinstance(already, int)
    total = already + limit
    text = f"{total / 1000}kB" if setting == "egress" else str(total)
    budgets(space, f"budgets: {{{setting}: {text}}}\non_budget: stop")
    done = space.supasync("sync")
    assert done.code == 3, done.out + done.err
    assert "the run stops before it exceeds that" in done.err
    now = share(space, "OLD", setting)["used"]
    assert isinstance(now, int)
    assert already < now <= total
    run = space.supasync("status", "--json").json["runs"][0]
    assert "stops before it exceeds" in run["error"]
    assert run["records"] == sum(
        len(space.new.texts(name)) for name in ("users", "jobs", "sessions", "usage_logs")
    )
    again = space.supasync("sync")
    assert (again.code, "stops before" in again.err) == (3, True)
    budgets(space, f"budgets: {{{setting}: {text}}}\non_budget: warn")
    assert space.supasync("sync").code == 0
    space.assert_equal()


@pytest.mark.parametrize("days", [-40, 40])
def test_a_month_is_news_whatever_this_machines_clock_says(space: Workspace, days: int) -> None:
    space.supasync("sync")
    used = share(space, "OLD", "requests")["used"]
    assert isinstance(used, int)
    budgets(space, f"budgets: {{requests: {used + 5}}}\non_budget: stop")
    shift = f"lambda clock=time.time_ns: clock() + {days * 86_400 * 10**9}"
    elsewhen = replace(space, before=f"{space.before}\nimport time\ntime.time_ns = {shift}\n")
    done = elsewhen.supasync("sync")
    shown = elsewhen.supasync("usage", "--json").json
    aged = elsewhen.supasync("status", "--max-age", "1h")
    [(month,)] = space.new.rows("select to_char(now() at time zone 'UTC', 'YYYY-MM')")
    assert (shown["month"], shown["records"] > 1) == (month, True)
    assert aged.code == 0, aged.err
    assert done.code == 3, done.out + done.err
    assert "the run stops before it exceeds that" in done.err
    assert space.supasync("status", "--json").json["runs"][0]["status"] == "failed"


def test_recorded_sizes_become_a_sentence(space: Workspace) -> None:
    budgets(space, "budgets: {database: 500MB}")
    assert "the database size is not known" in space.supasync("usage").out
    sizes = "jsonb_build_object('database_bytes', jsonb_build_object('OLD', 363750000 + g * 1250000))"
    recorded(space, 61, "now() - (61 - g) * interval '6 hours'", sizes)
    out = space.supasync("usage").out
    assert "OLD reaches 500 MB in about 12 days (" in out
    assert "warning: OLD has used 88 % of 500.0 MB database in all (440.0 MB)" in out


def test_a_size_that_nobody_recorded_is_estimated_on_demand(space: Workspace) -> None:
    done = space.supasync("usage", "--estimate")
    assert "estimated from exact counts and the first rows" in done.out
    assert {request["method"] for request in space.old.server.requests()} == {"GET"}


def test_usage_needs_the_sql_and_says_so(cluster: Cluster, tmp_path: Path) -> None:
    with between(cluster, tmp_path, SCHEMA, SCHEMA) as bare:
        done = bare.supasync("usage")
    assert done.code == 3
    assert "supasync schema sql" in done.err
