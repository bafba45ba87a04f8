"""The state store `duckdb`: looks without creating, beside whatever else is open."""

from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from supasync_core.api.state_store import Claim
from supasync_core.model.errors import StateError
from supasync_duckdb.source import DuckdbSource
from supasync_duckdb.store import DuckdbStore

CLAIM = Claim(holder="one", source="somewhere", command="setup", lease=60, baseline=True)


def test_looking_creates_nothing(tmp_path: Path) -> None:
    """No file, and no table in a file that is there."""
    path = tmp_path / "new.duckdb"
    assert DuckdbStore(path).past(1).records == ()
    assert not path.exists()
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE jobs (id BIGINT)")
    assert DuckdbStore(path).past(1).records == ()
    with duckdb.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM duckdb_tables()").fetchall() == [(1,)]


def test_another_table_of_its_name_is_named_and_stays_as_it_is(tmp_path: Path) -> None:
    """An app may have one."""
    path = tmp_path / "new.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE sync_metadata AS SELECT 1 AS id, 'mine' AS note")
    with closing(DuckdbStore(path)) as store:
        for use in (lambda: store.past(1), lambda: store.begin(CLAIM)):
            with pytest.raises(StateError, match="sync_metadata without the columns") as told:
                use()
            assert "rename that table" in str(told.value.hint)
    with duckdb.connect(path) as connection:
        assert connection.execute("SELECT * FROM sync_metadata").fetchall() == [(1, "mine")]


def test_a_refused_claim_leaves_no_record(tmp_path: Path) -> None:
    """It changes nothing."""
    with closing(DuckdbStore(tmp_path / "new.duckdb")) as store:
        with pytest.raises(StateError):
            store.begin(Claim(holder="one", source="somewhere", command="sync", lease=60))
        assert store.past(5).records == ()


def test_the_source_may_be_open_while_its_state_is_looked_at(tmp_path: Path) -> None:
    """That shows whether the two ends are swapped."""
    path = tmp_path / "old.duckdb"
    with closing(DuckdbStore(path)) as store:
        store.begin(CLAIM)
    with closing(DuckdbSource(path)):
        assert len(DuckdbStore(path).past(1).records) == 1


def test_the_columns_are_those_that_people_read(tmp_path: Path) -> None:
    """As in the guide: created_at, sync_status, last_sync_timestamp, records_synced, error_message."""
    path = tmp_path / "new.duckdb"
    with closing(DuckdbStore(path)) as store:
        store.begin(CLAIM)
    with duckdb.connect(path) as connection:
        rows = connection.execute(
            "SELECT sync_status, last_sync_timestamp, records_synced, error_message, created_at IS NOT NULL "
            "FROM sync_metadata"
        ).fetchall()
    assert rows == [("running", None, 0, None, True)]
