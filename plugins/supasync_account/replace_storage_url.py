"""The transform that makes URLs of OLD's Storage NEW's, in the text of a row."""

from collections.abc import Iterator

from supasync_core.api.registration import TableContext
from supasync_core.model.errors import TableError
from supasync_core.model.settings import API_VARIABLES
from supasync_core.model.storage_urls import REPLACES, StorageUrls
from supasync_core.model.transform import ExactRow, Transform


def replacing(context: TableContext) -> Transform:
    """The transform for one table; TableError where an address is not known.

    It changes the host in every URL of OLD's Storage, in texts, JSON and arrays, and nothing else. A key
    stays as it is, since rows are found by it, and so does a column that refers to what stays.
    """
    old, new = (_address(context, project) for project in ("OLD", "NEW"))
    urls, stays = StorageUrls(old), frozenset((*context.table.key, *_bound(context)))

    def replaced(row: ExactRow) -> ExactRow:
        for column in row:
            text = row.raw(column) or ""
            if column not in stays and (other := urls.replaced(text, new)) != text:
                row.set_raw(column, other)
        return row

    return replaced


def _bound(context: TableContext) -> Iterator[str]:
    """The columns that refer to one that stays."""
    for column, (parent, other) in context.referred().items():
        if REPLACES not in parent.transform or other in parent.key:
            yield column


def _address(context: TableContext, project: str) -> str:
    found = context.address(project)
    if found is None:
        raise context.table.error(
            TableError,
            f"the address of {project}'s API is not known",
            hint=f"set {API_VARIABLES[project][0]} in .env",
        )
    return found
