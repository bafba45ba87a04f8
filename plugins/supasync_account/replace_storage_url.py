"""The transform that makes URLs of OLD's Storage NEW's, in the text of a row."""

from supasync_core.api.registration import TableContext
from supasync_core.model.errors import TableError
from supasync_core.model.settings import API_VARIABLES
from supasync_core.model.storage_urls import StorageUrls
from supasync_core.model.transform import ExactRow, Transform


def replacing(context: TableContext) -> Transform:
    """The transform for one table; TableError where an address is not known.

    It changes the host in every URL of OLD's Storage, in texts, JSON and arrays, and nothing else. A key
    stays as it is: rows are found by it.
    """
    old, new = (_address(context, project) for project in ("OLD", "NEW"))
    urls, key = StorageUrls(old), frozenset(context.table.key)

    def replaced(row: ExactRow) -> ExactRow:
        for column in row:
            text = row.raw(column) or ""
            if column not in key and (other := urls.replaced(text, new)) != text:
                row.set_raw(column, other)
        return row

    return replaced


def _address(context: TableContext, project: str) -> str:
    found = context.address(project)
    if found is None:
        raise context.table.error(
            TableError,
            f"the address of {project}'s API is not known",
            hint=f"set {API_VARIABLES[project][0]} in .env",
        )
    return found
