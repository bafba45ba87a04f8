"""A type of NEW with fewer digits changes values: the row is found among all, wherever it stands."""

from collections.abc import Iterator

import pytest

from tests.e2e.workspace import ENDS, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

SCHEMA = (
    ROLES
    + """
create type public.visit as (at timestamptz, note text);
create type public.price as (amount numeric{digits}, note text);
create table public.t (id int primary key, seen timestamptz{whole}, n numeric{digits}, ns numeric{digits}[],
  moments timestamptz{whole}[], spans interval{whole}[], price public.price,
  label text, labels text[], small numeric{small}, updated_at timestamptz);
grant select, insert, update, delete on all tables in schema public to service_role;
"""
)
ROWS = """insert into public.t select g, date_trunc('day', now()), null, '{1.5}',
array[date_trunc('day', now())], '{1 day}', null, 'abc', '{"a "}', null,
now() - interval '1 hour' + g * interval '1 us' from generate_series(1, 2500) g"""


MOMENTS = """update public.t set stay = tstzrange('2024-01-01Z', '2024-07-01Z'),
stays = array[tstzrange('2024-01-01Z', null)], visit = row('2024-07-01 12:00:00.5Z', 'x')::public.visit"""
NARROW = (("", ""), ("(0)", "(4,1)"))
"""Of OLD and NEW, what the types say behind their names."""


@pytest.fixture(scope="module")
def space(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    old, new = (SCHEMA.format(whole=whole, digits="(12,1)", small=small) for whole, small in NARROW)
    old = old.replace("(12,1)", "(10,2)").replace("ns numeric(10,2)", "ns numeric")
    folder = tmp_path_factory.mktemp("rounding")
    with between(cluster, folder, old, new, ENDS + "tables:\n  t: {}\n") as made:
        made.environment["OLD_DATABASE_URL"] = cluster.url(made.old.database)
        made.environment["NEW_DATABASE_URL"] = cluster.url(made.new.database)
        yield made.ready().keep()


@pytest.mark.parametrize(
    ("change", "row"),
    [
        ("seen = seen + '0.5s'", 137),
        ("seen = seen + '0.5s'", 1777),
        ("n = 1.25", 1777),
        ("ns = '{{1.5},{1.25}}'", 137),
        ("moments = array[now() - interval '0.000001s', now()]", 137),
        ("spans = '{1 day,0.5s}'", 137),
        ("price = (1.25, 'a')", 137),
        ("small = case id when 5 then 99999.1234 else 1.12 end", 5),
    ],
)
def test_one_value_of_many_that_would_be_rounded_stops_the_table(
    space: Workspace, change: str, row: int
) -> None:
    space.again()
    space.old.run(f"{ROWS}; update public.t set {change} where id in ({row}, 1778)")  # noqa: S608 - ours
    done = space.supasync("sync")
    assert done.code == 3, done.out + done.err
    assert f"NEW changed {change.split(maxsplit=1)[0]} after" in done.err


MIXED = {
    "rest to postgres": ("rest", "postgres"),
    "postgres to rest": ("postgres", "rest"),
}
NAMES = {
    "rest": ("OLD_SUPABASE_URL", "SUPABASE_URL", 'key: "${%s}"'),
    "postgres": ("OLD_DATABASE_URL", "NEW_DATABASE_URL", 'project: "${%s}"'),
}


def end(backend: str, place: int) -> str:
    """One side in tables.yaml."""
    keys = ("OLD_SUPABASE_SERVICE_ROLE_KEY", "SUPABASE_SERVICE_ROLE_KEY")
    *urls, more = NAMES[backend]
    second = keys[place] if backend == "rest" else NAMES["rest"][place]
    return f'{{backend: {backend}, url: "${{{urls[place]}}}", {more % second}}}'


@pytest.mark.parametrize("ends", MIXED)
def test_between_rest_and_postgres_as_well(space: Workspace, ends: str) -> None:
    space.again()
    source, sink = (end(backend, place) for place, backend in enumerate(MIXED[ends]))
    space.write("mixed.yaml", f"version: 1\nsource: {source}\nsink: {sink}\ntables:\n  t: {{}}\n")
    space.old.run(f"{ROWS}; update public.t set n = 1.25 where id = 137")  # noqa: S608 - ours
    done = space.supasync("--config", "mixed.yaml", "sync")
    assert (done.code, "NEW changed n after" in done.err) == (3, True), done.out + done.err


@pytest.mark.parametrize(("ends", "where"), [*zip(MIXED, ("id=lte.10", "id <= 10"), strict=True)])
def test_a_filter_in_olds_language_is_not_asked_of_new(space: Workspace, ends: str, where: str) -> None:
    space.again()
    source, sink = (end(backend, place) for place, backend in enumerate(MIXED[ends]))
    space.write(
        "mixed.yaml", f'version: 1\nsource: {source}\nsink: {sink}\ntables:\n  t: {{where: "{where}"}}\n'
    )
    space.old.run(ROWS)
    for words in (["setup"], ["sync"], ["verify"]):
        done = space.supasync("--config", "mixed.yaml", *words)
        assert done.code == 0, (words, done.out + done.err)
    assert "NEW has no such table" not in space.supasync("--config", "mixed.yaml", "check").out
    assert space.new.rows("select count(*) from public.t") == [(10,)]


def test_values_that_all_fit_arrive(space: Workspace) -> None:
    space.again()
    space.old.run(ROWS)
    done = space.supasync("sync")
    assert done.code == 0, done.out + done.err
    space.assert_equal("t")


@pytest.mark.parametrize(
    ("column", "kind", "value", "row"),
    [
        ("label", "varchar(3)", "'abc  '", 1777),
        ("label", "varchar(3)", "'é   '", 137),
        ("label", "char(4)", "'abc'", 2500),
        ("labels", "varchar(1)[]", "'{{abc}}'", None),
    ],
)
def test_a_text_that_new_cuts_off_since_setup_stops_the_table(
    space: Workspace, column: str, kind: str, value: str, row: int | None
) -> None:
    """The type changes when everything was in place: no sync asks for the differences of both sides."""
    space.again()
    space.old.run(f"{ROWS}; update public.t set {column} = {value} where id = {row or 0}")  # noqa: S608 - ours
    space.new.run(f"alter table public.t alter {column} type {kind}; notify pgrst, 'reload schema'")
    try:
        done = space.supasync("sync")
        assert done.code == 3, done.out + done.err
        told = f"NEW changed {column} after", f"failed: {column} is text in OLD"
        assert told[0] in done.err or (kind != "varchar(3)" and told[1] in done.err), done.err
    finally:
        base = "text[]" if kind.endswith("[]") else "text"
        space.new.run(f"alter table public.t alter {column} type {base}; notify pgrst, 'reload schema'")


def test_moments_that_each_side_prints_in_its_own_zone_are_the_same(space: Workspace) -> None:
    space.again()
    for each, zone in ((space.old, "America/New_York"), (space.new, "Asia/Kolkata")):
        each.run(f"alter database {each.database} set timezone = '{zone}'")
        each.run("alter table public.t add stays tstzrange[], add stay tstzrange, add visit public.visit")
        each.run(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where usename = 'authenticator' and datname = current_database()"
        )
        each.server.reload()
    space.old.run(f"{ROWS}; {MOMENTS}")
    done = space.supasync("sync")
    assert done.code == 0, done.out + done.err
    done = space.supasync("verify", "--exact")
    assert done.code == 0, done.out + done.err
