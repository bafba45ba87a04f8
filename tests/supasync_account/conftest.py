"""Projects that several files of this package share."""

from collections.abc import Iterator

import pytest

from tests.servers.postgres import Cluster
from tests.supasync_account.accounts import Projects
from tests.supasync_account.by_keys import by_keys
from tests.supasync_account.storages import EMPTY, Storages, storages


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


@pytest.fixture(scope="package")
def made_storages(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storages]:
    """Both of them, set up."""
    with storages(cluster, tmp_path_factory.mktemp("storage")) as found:
        yield found


@pytest.fixture
def both(made_storages: Storages) -> Storages:
    """Both of them without a bucket, and the folder as it was after `setup`."""
    made_storages.old.database.paste(EMPTY)
    made_storages.new.database.paste(EMPTY)
    made_storages.space.again()
    made_storages.space.environment.clear()
    return made_storages
