"""Both projects' Storage opened, for a step of a run or a command."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

from supasync_account.storage.storage_client import StorageClient
from supasync_core.api.run_step import ApiAccess, StepContext
from supasync_core.model.errors import ConfigError
from supasync_core.model.settings import API_VARIABLES
from supasync_core.system.addresses import host_of


@contextmanager
def both_storages(context: StepContext) -> Iterator[tuple[StorageClient, StorageClient]]:
    """OLD's and NEW's; ConfigError where the address or the key of either is missing, or both are one."""
    old, new = (_access(context, project) for project in ("OLD", "NEW"))
    if host_of(old.url) == host_of(new.url):
        raise ConfigError([f"OLD and NEW have the same address, {host_of(old.url)}"])
    with ExitStack() as stack:
        yield (
            stack.enter_context(closing(StorageClient(old, "OLD", context.ledger, context.workers))),
            stack.enter_context(closing(StorageClient(new, "NEW", context.ledger, context.workers))),
        )


def pair_of(old: StorageClient, new: StorageClient) -> str:
    """The name of both projects together, under which progress is kept."""
    return f"{host_of(old.access.url)} > {host_of(new.access.url)}"


def _access(context: StepContext, project: str) -> ApiAccess:
    found = context.api(project)
    if found is None:
        url, key = API_VARIABLES[project]
        raise ConfigError(
            [f"{project}'s API is not known: Storage is asked by its address and secret key"],
            hint=f"write {url}=https://... and {key}=... into .env",
        )
    return found
