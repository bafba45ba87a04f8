"""A type of NEW with fewer digits changes values: the row is found among all, wherever it stands."""

from collections.abc import Iterator

import pytest

from tests.e2e.workspace import ENDS, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

OLD = (
    ROLES
    + """
create table public.t (id int primary key, seen timestamptz, n numeric(10,2), updated_at timestamptz);
grant select, insert, update, delete on all tables in schema public to service_role;
"""
)
ROWS = """insert into public.t select g, date_trunc('day', now()), null,
now() - interval '1 hour' + g * interval '1 us' from generate_series(1, 2500) g"""


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        ("seen timestamptz", "seen timestamptz(0)", "seen = seen + '0.5s'"),
        ("n numeric(10,2)", "n numeric(12,1)", "n = 1.25"),
    ],
)
@pytest.mark.parametrize("row", [137, 1777])
def test_one_value_of_many_that_would_be_rounded_stops_the_table(
    spaces: dict[str, Workspace], old: str, new: str, change: str, row: int
) -> None:
    space = spaces[new]
    space.again()
    space.old.run(f"{ROWS}; update public.t set {change} where id = {row}")  # noqa: S608 - ours
    done = space.supasync("sync")
    assert done.code == 3, done.out + done.err
    assert f"NEW changed {old.split(maxsplit=1)[0]} after" in done.err
    space.old.run("update public.t set seen = date_trunc('day', seen), n = null")
    done = space.supasync("sync")
    assert done.code == 0, done.out + done.err


@pytest.fixture(scope="module")
def spaces(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Workspace]]:
    made = {}
    changes = [("seen timestamptz", "seen timestamptz(0)"), ("n numeric(10,2)", "n numeric(12,1)")]
    places = [tmp_path_factory.mktemp("rounding") for _ in changes]
    config = ENDS + "tables:\n  t: {}\n"
    first, second = (
        between(cluster, place, OLD, OLD.replace(*change), config)
        for place, change in zip(places, changes, strict=True)
    )
    with first as one, second as other:
        made = {changes[0][1]: one.ready().keep(), changes[1][1]: other.ready().keep()}
        yield made
