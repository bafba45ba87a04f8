"""What the switch asks of NEW: both keys, and what must hold there."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from supasync_core.api.switch import Ends
from supasync_core.model.settings import Endpoint
from supasync_core.model.table import Table
from supasync_rest.switch import RestSwitch
from tests.postgrest.launch import legacy_key
from tests.supasync_rest.rig import ANON, KEY, Rig
from tests.supasync_rest.test_store import begun


@contextmanager
def switch(project: Rig, anon: str, key: str = KEY) -> Iterator[RestSwitch]:
    """The switch to this project with these two keys."""
    ends = Ends(
        source=Endpoint("rest", {"url": "https://old.example.test", "key": "x"}, "old.example.test"),
        sink=Endpoint("rest", {"url": project.server.url, "key": key}, "new"),
        environment={"SUPABASE_KEY": anon},
        folder=Path(),
        ledger=project.ledger,
    )
    made = RestSwitch(ends, project.retry_policy)
    yield made
    made.close()


@pytest.mark.parametrize("anon", [ANON, legacy_key("anon")], ids=["publishable", "legacy"])
@pytest.mark.parametrize("key", [KEY, legacy_key("service_role")], ids=["secret", "service_role"])
def test_both_keys_work_in_either_form_by_a_request_each(project: Rig, anon: str, key: str) -> None:
    begun(project)
    project.server.reset()
    with switch(project, anon, key) as made:
        assert [found.holds for found in made.try_keys()] == [True, True]
    assert [request["method"] for request in project.server.requests()] == ["GET", "GET"]


def test_a_secret_key_before_the_setup_is_a_secret_key(project: Rig) -> None:
    with switch(project, ANON) as made:
        secret, public = made.try_keys()
    assert (secret.holds, public.holds) == (True, True)
    assert secret.text == "the secret key works; sync_metadata is empty: supasync setup writes its first row"


@pytest.mark.parametrize(
    ("anon", "sentence"),
    [
        ("sb_publishable_another", "the anon key: NEW does not accept the key"),
        (legacy_key("anon", "the-secret-of-another-project-0123456789"), "does not accept the key"),
        ("", "write SUPABASE_ANON_KEY=..."),
        (KEY, "SUPABASE_KEY there is a secret key"),
    ],
)
def test_an_anon_key_of_another_project_or_none_is_told(project: Rig, anon: str, sentence: str) -> None:
    begun(project)
    with switch(project, anon) as made:
        secret, public = made.try_keys()
    assert (secret.holds, public.holds) == (True, False)
    assert sentence in public.text


def test_a_new_without_the_function_is_not_judged(project: Rig) -> None:
    project.run("drop function supasync_ready(jsonb)")
    project.server.reload()
    with switch(project, ANON) as made:
        found = list(made.look([Table(name="jobs")]))
        assert [each.name for each in found] == list(made.conditions)
    assert {each.holds for each in found} == {None}
    assert "supasync schema sql --identity always" in (found[1].hint or "")
