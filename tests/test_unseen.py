"""What a table's way of reading cannot see: by the name of its timestamp, by `updates:`, by its plugin."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supasync_core.api.blind_spots import is_update_name, unseen
from supasync_core.model.table import Table
from supasync_core.sync.fingerprint import fingerprint
from supasync_tables.append import Append
from supasync_tables.incremental import Incremental
from supasync_tables.snapshot import Snapshot

MOVES = [
    "updated_at",
    "updatedAt",
    "UpdatedOn",
    "updated",
    "update_time",
    "date_updated",
    "last_update",
    "lastUpdated",
    "modified",
    "modifiedAt",
    "last_modified_date",
    "LastModifiedDate",
    "mtime",
    "changed_at",
    "last_change",
    "edited_at",
    "touched",
    "version",
    "row_version",
    "rowversion",
    "xmin",
    "revised_at",
    "SystemModstamp",
]
STAYS = [
    "created_at",
    "created",
    "inserted_at",
    "creation_time",
    "joined",
    "ts",
    "time",
    "datetime",
    "date",
    "at",
    "message_time",
    "timestamp",
    "added",
    "registered_on",
    "occurred_at",
    "birthday",
    "expires_at",
    "deleted_at",
    "password_changed_at",
    "email_change_sent_at",
    "status_updated_at",
    "last_seen_at",
    "last_sign_in_at",
    "synced_at",
    "api_version",
    "conversion",
    "credited_at",
    "exchanged_at",
    "insert_time",
    "id",
]


@pytest.mark.parametrize("name", MOVES)
def test_a_name_that_speaks_of_updates_is_believed(name: str) -> None:
    assert is_update_name(name)


@pytest.mark.parametrize("name", STAYS)
def test_every_other_name_is_an_insert_time(name: str) -> None:
    assert not is_update_name(name)


@given(st.sampled_from([*MOVES, *STAYS]))
def test_letters_and_separators_do_not_matter(name: str) -> None:
    expected = name in MOVES
    for spelled in (name.upper(), name.lower(), name.replace("_", "-"), name.replace("_", ""), f"_{name}"):
        assert is_update_name(spelled) == expected


@given(st.sampled_from(STAYS), st.sampled_from(MOVES))
def test_the_first_timestamp_decides_and_updates_overrules_it(stays: str, moves: str) -> None:
    first_stays = Table(name="t", timestamp=(stays, moves))
    first_moves = Table(name="t", timestamp=(moves, stays))
    assert unseen(Incremental(), first_stays) == ("deletes", "updates")
    assert unseen(Incremental(), first_moves) == ("deletes",)
    said = [Table(name="t", timestamp=(name,), updates="seen") for name in (stays, moves)]
    assert {unseen(Incremental(), table) for table in said} == {("deletes",)}
    said = [Table(name="t", timestamp=(name,), updates="unseen") for name in (stays, moves)]
    assert {unseen(Incremental(), table) for table in said} == {("deletes", "updates")}


@given(st.sampled_from([*MOVES, *STAYS]), st.sampled_from([None, "seen", "unseen"]))
def test_append_never_sees_updates_and_a_snapshot_always_does(name: str, said: str | None) -> None:
    table = Table(name="t", timestamp=(name,), updates=said)
    assert unseen(Append(), table) == ("deletes", "updates")
    assert unseen(Snapshot(), table) == ("deletes",)


def test_append_refuses_the_claim_that_updates_are_seen() -> None:
    assert Append().problems(Table(name="t", updates="seen")) == [
        "append reads new keys alone: it cannot keep updates: seen"
    ]


def test_a_plugin_that_tells_nothing_counts_as_seeing_everything() -> None:
    class Silent:
        pass

    assert unseen(Silent(), Table(name="t")) == ()  # type: ignore[arg-type]


def test_the_sentences_of_a_plugin_of_the_first_version_are_not_taken_for_sight() -> None:
    class Told:
        def unseen(self, table: Table) -> list[str]:
            return [f"{table.name}: created_at alone does not show updates"]

    assert unseen(Told(), Table(name="t")) == ("updates",)  # type: ignore[arg-type]


@pytest.mark.parametrize("said", ["seen", "unseen"])
def test_the_setting_does_not_ask_for_a_new_copy(said: str) -> None:
    plain = Table(name="t", overlap=timedelta(minutes=1))
    assert fingerprint(Table(name="t", updates=said), {}, {}) == fingerprint(plain, {}, {})
