"""An app's variables that name OLD's database in any form: each gets NEW's place, or stops the switch."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supasync_core.api.switch import Ends, Line, Naming
from supasync_core.model.cost import Ledger
from supasync_core.model.settings import Endpoint
from supasync_postgres.app_strings import form_of
from supasync_postgres.app_variables import Databases

POOLED = "postgresql://postgres.oldoldoldold:Invented-old-pw@eu.pooler.supabase.com:5432/postgres"
INTO = "postgresql://postgres.newnewnewnew:Invented%40new@eu.pooler.supabase.com:5432/postgres"
OWN = "postgresql://postgres:Invented-old-pw@127.0.0.1:5439/o"
BESIDE = "postgresql://postgres:Invented-new-pw@127.0.0.1:5439/n"
ELSEWHERE = "postgresql://postgres:Invented-new-pw@db.example.com:5439/n"


def lines(*texts: str) -> list[Line]:
    pairs = (text.split("=", 1) for text in texts)
    return [Line(name, value, number) for number, (name, value) in enumerate(pairs, 1)]


def named(old: str, new: str, *texts: str) -> Naming:
    refs = {POOLED: "oldoldoldold.supabase.co", INTO: "newnewnewnew.supabase.co"}
    ends = [Endpoint("postgres", {"url": url}, refs.get(url, url.partition("@")[2])) for url in (old, new)]
    made = Ends(source=ends[0], sink=ends[1], environment={}, folder=Path(), ledger=Ledger())
    return Databases(made, lines(*texts)).naming()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("postgresql+asyncpg://postgres:Invented-old-pw@127.0.0.1:5439/o",) * 2,
        ("jdbc:postgresql://localhost:5439/o?user=postgres&password=Invented-old-pw",) * 2,
        ("postgres://postgres:Invented-old-pw@127.0.0.1:5439/o?pgbouncer=true&schema=app",) * 2,
        ("postgresql:///o?host=127.0.0.1&port=5439&user=postgres&password=Invented-old-pw",) * 2,
        ("host=127.0.0.1 port = 5439 dbname='o' user=postgres password='Invented-old-pw' sslmode=prefer",)
        * 2,
        ("pgsql:host=127.0.0.1;port=5439;dbname=o;user=postgres;password=Invented-old-pw",) * 2,
        ("Host=127.0.0.1;Port=5439;Database=o;Username=postgres;Password=Invented-old-pw;Pooling=true",) * 2,
    ],
)
def test_a_connection_string_keeps_its_form_scheme_and_parameters(before: str, after: str) -> None:
    found = named(OWN, ELSEWHERE, f"ANY={before}", "PORT=3000", "REDIS_URL=redis://127.0.0.1:6379/0")
    for old, new in (("127.0.0.1", "db.example.com"), ("localhost", "db.example.com"), ("old-pw", "new-pw")):
        after = after.replace(old, new)
    after = (
        after.replace("5439/o", "5439/n").replace("=o;", "=n;").replace("'o'", "n").replace("///o", "///n")
    )
    assert found.problems == ()
    assert found.wanted == {"ANY": after.replace("'Invented-new-pw'", "Invented-new-pw")}
    assert named(OWN, ELSEWHERE, f"ANY={found.wanted['ANY']}").switched


def test_databases_of_one_server_are_told_apart() -> None:
    assert named(OWN, BESIDE, f"A={OWN}?options=-csearch_path%3Dapp").wanted == {
        "A": f"{BESIDE}?options=-csearch_path%3Dapp"
    }
    assert named(OWN, BESIDE, f"A={BESIDE}", "B=postgresql://x:y@127.0.0.1:5439/third").switched
    [problem] = named(OWN, BESIDE, f"A={BESIDE}", f"B={OWN}").problems
    assert problem == "A names NEW, but B names OLD: they must agree"


def test_a_pooler_of_transactions_stays_one() -> None:
    direct = "postgresql://postgres:another@db.oldoldoldold.supabase.co/postgres"
    found = named(
        POOLED, INTO, f"DATABASE_URL={POOLED.replace('5432', '6543')}?pgbouncer=true", f"D={direct}"
    )
    assert found.wanted == {
        "DATABASE_URL": f"{INTO.replace('5432', '6543')}?pgbouncer=true",
        "D": INTO.replace(":5432", ""),
    }


def test_variables_that_hold_a_part_each_are_changed_together() -> None:
    found = named(
        OWN,
        ELSEWHERE,
        *("PGHOST=localhost", "PGPORT=5439", "PGDATABASE=o", "PGUSER=postgres", "PGPASSWORD=Invented-old-pw"),
        *("REDIS_HOST=127.0.0.1", "REDIS_PORT=6379", "HOST=127.0.0.1", "PORT=3000"),
    )
    assert found.problems == ()
    assert found.wanted == {
        "PGHOST": "db.example.com",
        "PGPORT": "5439",
        "PGDATABASE": "n",
        "PGUSER": "postgres",
        "PGPASSWORD": "Invented-new-pw",
    }
    changed = {"PGHOST": "localhost", **found.wanted}
    assert named(OWN, ELSEWHERE, *(f"{name}={value}" for name, value in changed.items())).switched


def test_what_refers_to_variables_follows_them() -> None:
    parts = [
        "DB_HOST=127.0.0.1",
        "DB_PORT=5439",
        "DB_NAME=o",
        "DB_USER=postgres",
        "DB_PASSWORD=Invented-old-pw",
    ]
    whole = "URL=postgresql+psycopg://${DB_USER}:${DB_PASSWORD}@${DB_HOST}:${DB_PORT}/${DB_NAME}?a=b"
    found = named(OWN, ELSEWHERE, *parts, whole)
    assert (set(found.wanted), found.problems) == ({line.split("=")[0] for line in parts}, ())
    [problem] = named(OWN, ELSEWHERE, *parts, whole.replace("${DB_NAME}", "o")).problems
    assert problem.startswith("URL (line 6) names OLD's database, and what it refers to cannot all be")


@pytest.mark.parametrize(
    ("old", "text", "problem"),
    [
        (OWN, "X=PGHOST", None),
        (OWN, 'X={"host": "127.0.0.1", "port": 5439, "database": "o"}', "in a form that supasync does not"),
        (OWN, "X=worker --db 127.0.0.1:5439", "in a form that supasync does not write"),
        (OWN, "PGHOST=127.0.0.1\nPGDATABASE=o", "it gives no password"),
        (OWN, "PGHOSTADDR=127.0.0.1\nPGDATABASE=o", "it gives an IP address"),
        (OWN, "X=host=127.0.0.1 port=5439 dbname=o", "it gives no password"),
        (OWN, "X=hostaddr=127.0.0.1 port=5439 dbname=o password=a", "it gives an IP address"),
        (OWN, "X=postgresql://postgres:a@127.0.0.1:5439,10.0.0.2:5439/o", "in a form that supasync does not"),
        (OWN, "X=postgresql://limited:a@127.0.0.1:5439/o", "it connects as limited, and NEW's"),
        (OWN, "X=Invented-old-pw", "it is the password of OLD's database"),
        (POOLED, "PROJECT_REF=oldoldoldold", "in a form that supasync does not write"),
        (POOLED, "X=postgresql://a@example.com/b?options=reference%3Doldoldoldold", "in a form that"),
        (POOLED, f"X={POOLED}?options=reference%3Doldoldoldold", "cannot write NEW's place in this form"),
        (POOLED, "DB_HOST=eu.pooler.supabase.com", "it gives no port"),
        (POOLED, "X=https://oldoldoldold.supabase.co/storage/v1/s3", "names OLD's API: name NEW by its API"),
    ],
)
def test_what_names_old_and_cannot_be_changed_stops_the_switch(
    old: str, text: str, problem: str | None
) -> None:
    found = named(old, ELSEWHERE, f"DATABASE_URL={old}", *text.split("\n"))
    assert (found.wanted == {}) == bool(problem)
    assert [problem in each for each in found.problems if problem] == [True] * bool(problem)
    assert "Invented" not in " ".join(found.problems)


@settings(max_examples=60)
@given(
    password=st.text(st.characters(exclude_categories=("C", "Z")), min_size=1),
    database=st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters="'"), min_size=1),
    form=st.sampled_from(
        [
            "postgres://u:{0}@127.0.0.1:1/o?a=b",
            "jdbc:postgresql://127.0.0.1/o?password={0}&x",
            "host=127.0.0.1 dbname=o password={0}",
            "Server=127.0.0.1;Database=o;Password={0};",
        ]
    ),
)
def test_whatever_is_written_is_read_back(password: str, database: str, form: str) -> None:
    found = form_of(form.format("before"))
    assert found
    to = {"host": "db.example.com", "port": found.parts["port"], "database": database, "password": password}
    again = form_of(found.to(to) or "")
    assert again
    assert again.parts == {**found.parts, **to}
