"""Digests by the optional function ``supasync_digest`` of a project, which `digest.sql` creates."""

from collections.abc import Mapping
from typing import Any

from supasync_core.model.errors import RefusedError, RowError, SchemaError
from supasync_rest import pasted_functions
from supasync_rest.client import Client


def answer(client: Client, asked: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
    """What the function answers; SchemaError where it is missing, not allowed, or fails.

    What concerns the whole project, such as a quota, is raised as it is. It is asked once: where it takes too
    long, the caller asks for less.
    """
    try:
        return pasted_functions.read(client, "supasync_digest", asked, "digest")
    except (SchemaError, RowError, RefusedError) as err:
        err.raise_if_of_the_project()
        raise SchemaError(err.message, hint=err.hint) from err
