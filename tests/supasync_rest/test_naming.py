"""Which of an app's variables name the project, what they must say, and what only a person can change."""

from pathlib import Path

import pytest

from supasync_core.api.switch import Ends, Naming
from supasync_core.cutover.env_file import lines, rewritten
from supasync_core.model.cost import Ledger
from supasync_core.model.settings import Endpoint
from supasync_rest.env_names import Names
from tests.postgrest.launch import legacy_key

OLD, NEW = "https://oldoldoldold.supabase.co", "https://newnewnewnew.supabase.co"
OLD_SECRET, NEW_SECRET, ANON = "sb_secret_old1", "sb_secret_new1", "sb_publishable_new1"
FIRST = f"SUPABASE_URL={OLD}\n"


def naming(text: str, **environment: str) -> Naming:
    """What these variables name, with NEW's anon key beside tables.yaml unless told otherwise."""

    def end(url: str, key: str) -> Endpoint:
        return Endpoint("rest", {"url": url, "key": key}, url.removeprefix("https://"))

    ends = Ends(
        source=end(OLD, OLD_SECRET),
        sink=end(NEW, NEW_SECRET),
        environment=environment or {"SUPABASE_KEY": ANON},
        folder=Path(),
        ledger=Ledger(),
    )
    return Names(ends, lines(text)).naming()


def test_every_usual_name_gets_the_value_of_its_kind() -> None:
    text = (
        f"SUPABASE_URL={OLD}/\nNEXT_PUBLIC_SUPABASE_URL={OLD}\nVITE_SUPABASE_ANON_KEY=x\nSUPABASE_KEY=x\n"
        "SUPABASE_PUBLISHABLE_KEY=x\nSUPABASE_SERVICE_ROLE_KEY=x\nSUPABASE_SECRET_KEY=x\nPORT=1\n"
    )
    wanted = naming(text).wanted
    assert {wanted[name] for name in ("SUPABASE_URL", "NEXT_PUBLIC_SUPABASE_URL")} == {NEW}
    assert {wanted[n] for n in ("VITE_SUPABASE_ANON_KEY", "SUPABASE_KEY", "SUPABASE_PUBLISHABLE_KEY")} == {
        ANON
    }
    assert {wanted[name] for name in ("SUPABASE_SERVICE_ROLE_KEY", "SUPABASE_SECRET_KEY")} == {NEW_SECRET}
    assert "PORT" not in wanted


@pytest.mark.parametrize("value", [OLD_SECRET, legacy_key("service_role")])
def test_a_secret_key_under_a_plain_name_becomes_new_s_secret_key(value: str) -> None:
    assert naming(f"{FIRST}SUPABASE_KEY={value}\n").wanted["SUPABASE_KEY"] == NEW_SECRET


REFERRING = (
    f'BASE={OLD}\nNEXT_PUBLIC_SUPABASE_URL=${{SUPABASE_URL}}\nSUPABASE_URL="{OLD}"\n'
    "NEXT_PUBLIC_SUPABASE_ANON_KEY=${SUPABASE_ANON_KEY:-none}\nSUPABASE_ANON_KEY=x\n"
    "VITE_SUPABASE_URL=${BASE}\nEXPO_PUBLIC_SUPABASE_URL=${NEXT_PUBLIC_SUPABASE_URL}\n"
    "SUPABASE_FUNCTIONS_URL=${SUPABASE_URL}/functions/v1\n"
)


def test_a_reference_follows_the_switch_by_itself() -> None:
    found = naming(REFERRING)
    assert found.problems == ()
    assert found.wanted == {"SUPABASE_URL": NEW, "SUPABASE_ANON_KEY": ANON, "VITE_SUPABASE_URL": NEW}
    assert found.left == ("BASE (line 1) still names OLD",)
    text = rewritten(REFERRING, found.wanted).text
    assert "\nNEXT_PUBLIC_SUPABASE_URL=${SUPABASE_URL}\n" in text
    assert naming(text).switched


def test_a_reference_to_itself_or_to_nothing_is_said() -> None:
    for text in (
        "SUPABASE_URL=${VITE_SUPABASE_URL}\nVITE_SUPABASE_URL=${SUPABASE_URL}\n",
        "SUPABASE_URL=${BASE}\n",
    ):
        assert "which has no value in this file" in " ".join(naming(text).problems)


def test_an_app_without_anon_key_needs_none() -> None:
    found = naming(f"{FIRST}SUPABASE_SERVICE_ROLE_KEY=x\n", NOTHING="")
    assert found.problems == ()
    assert set(found.wanted) == {"SUPABASE_URL", "SUPABASE_SERVICE_ROLE_KEY"}


def test_an_app_that_names_new_is_switched_and_left_alone() -> None:
    found = naming(f"SUPABASE_URL={NEW}\nSUPABASE_KEY=another\n")
    assert found.switched
    assert found.wanted == {}


def test_what_else_names_old_is_told_by_line_and_without_its_value() -> None:
    text = (
        f"{FIRST}DATABASE_URL=postgresql://postgres:secret@db.oldoldoldold.supabase.co/postgres\n"
        f"WORKER_KEY={OLD_SECRET}\nOLD_SUPABASE_URL={OLD}\nSUPABASE_JWT_SECRET=abc\nPORT=1\n"
    )
    assert naming(text).left == (
        "DATABASE_URL (line 2) still names OLD",
        "WORKER_KEY (line 3) still names OLD",
        "SUPABASE_JWT_SECRET (line 5) may belong to OLD: compare it with NEW's settings",
    )


@pytest.mark.parametrize(
    ("text", "environment", "sentence"),
    [
        ("A=1\n", {}, "it has no SUPABASE_URL: is it the app's .env?"),
        (
            "SUPABASE_URL=https://third.supabase.co\n",
            {},
            "names third.supabase.co, which is neither OLD nor NEW",
        ),
        ("SUPABASE_URL=${BASE}\n", {}, "SUPABASE_URL (line 1) must be the project's address"),
        (f"{FIRST}VITE_SUPABASE_URL={NEW}\n", {}, "VITE_SUPABASE_URL names NEW, but SUPABASE_URL names OLD"),
        (
            f"{FIRST}SUPABASE_KEY=x\n",
            {"A": ""},
            "write SUPABASE_ANON_KEY=... into the .env beside tables.yaml",
        ),
        (f"{FIRST}SUPABASE_KEY=x\n", {"SUPABASE_KEY": NEW_SECRET}, "SUPABASE_KEY there is a secret key"),
        (f"{FIRST}SUPABASE_KEY={ANON}\n", {}, "holds NEW's key, but the address is OLD's"),
    ],
)
def test_what_forbids_the_change_is_said(text: str, environment: dict[str, str], sentence: str) -> None:
    found = naming(text, **environment)
    assert sentence in " ".join(found.problems)
