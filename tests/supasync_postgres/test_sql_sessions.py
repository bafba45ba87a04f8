"""Either project can be asked by SQL, whatever backend copies its rows."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from supasync_core import config
from supasync_core.api.copy_session import CopySession
from supasync_core.api.plugin_host import Host
from supasync_core.model.errors import RefusedError
from supasync_core.project.migration import Migration, opened
from supasync_core.project.sql_sessions import sql_session
from supasync_core.testing import CopySessionContract
from supasync_rest.retry_policy import RetryPolicy
from tests.servers.postgres import Cluster
from tests.supasync_postgres.databases import Place, place

SUPABASE = "https://abcdefghij.supabase.co"
REST = f'{{backend: rest, url: "{SUPABASE}", key: "${{KEY}}"}}'


@pytest.fixture(scope="module")
def project(cluster: Cluster) -> Iterator[Place]:
    with place(cluster, "create table items (id int primary key)") as made:
        yield made


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """OLD's API, which nobody answers for, is asked again at once."""
    monkeypatch.setitem(RetryPolicy.__init__.__kwdefaults__ or {}, "sleep", lambda _seconds: None)


@contextmanager
def migration(folder: Path, source: str, **environment: str) -> Iterator[Migration]:
    """Both ends opened; nothing is asked of either."""
    text = f"version: 1\nsource: {source}\nsink: {{backend: csv, path: new}}\ntables: {{items: {{}}}}\n"
    (folder / "tables.yaml").write_text(text)
    host = Host()
    host.load_installed()
    settings = config.load(folder / "tables.yaml", {"KEY": "sb_secret_for_tests", **environment}, host)
    with opened(settings, host) as made:
        yield made


def test_rows_go_over_rest_and_sql_by_the_connection_string(project: Place, tmp_path: Path) -> None:
    with (
        migration(
            tmp_path, REST, OLD_DATABASE_URL=project.url, DATABASE_URL="postgresql://u@nowhere/x"
        ) as made,
        sql_session(made, "OLD") as session,
    ):
        assert session is not None
        assert session.read_only
        assert session.query("select count(*) from public.items") == [(0,)]
        with pytest.raises(RefusedError, match="read-only"):
            session.query("insert into public.items values (1)")
        assert made.ledger.as_json()["OLD"]["sql"]["requests"] > 0


def test_the_apps_own_connection_string_is_not_read(project: Place, tmp_path: Path) -> None:
    with (
        migration(tmp_path, REST, DATABASE_URL=project.url, NEW_DATABASE_URL=project.url) as made,
        sql_session(made, "OLD") as session,
    ):
        assert session is None


def test_the_database_of_another_project_is_refused(tmp_path: Path) -> None:
    url = "postgresql://postgres.klmnopqrst:invented@eu.pooler.supabase.com/postgres"
    with (
        migration(tmp_path, REST, OLD_DATABASE_URL=url) as made,
        pytest.raises(RefusedError, match="klmnopqrst") as refused,
        sql_session(made, "OLD"),
    ):
        pass
    assert "invented" not in str(refused.value)


def test_a_side_that_is_a_database_is_asked_itself(project: Place, tmp_path: Path) -> None:
    with (
        migration(tmp_path, '{backend: postgres, url: "${THE_URL}"}', THE_URL=project.url) as made,
        sql_session(made, "OLD") as session,
    ):
        assert session is not None
        assert session.query("select 1") == [(1,)]


class TestCopySession(CopySessionContract):
    @pytest.fixture
    def opened(self, project: Place) -> Callable[[], CopySession]:
        table = "create table copied (id int primary key, label text, rest int)"
        project.hosted.paste(f"drop table if exists copied; {table}")
        return lambda: project.sink().sql()
