"""Two projects that are reached by their secret keys alone, shared by the files of this package."""

from collections.abc import Iterator

import pytest

from tests.servers.postgres import Cluster
from tests.supasync_account.accounts import Projects
from tests.supasync_account.by_keys import by_keys


@pytest.fixture(scope="package")
def keys_made(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Projects]:
    with by_keys(cluster, tmp_path_factory.mktemp("keys")) as found:
        found.space.keep()
        yield found


@pytest.fixture
def keys(keys_made: Projects) -> Projects:
    """Both without an account, and nothing was copied yet."""
    keys_made.old.paste("delete from public.notes; delete from auth.users")
    keys_made.new.paste("delete from public.notes; delete from auth.users")
    keys_made.space.again()
    return keys_made
