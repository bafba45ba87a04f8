"""Digests by the optional function ``supasync_digest`` of a project, which `digest.sql` creates."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from supasync_core.model.errors import RefusedError, RowError, SchemaError
from supasync_rest.client import Client
from supasync_rest.messages import Request, Response

_PATH = "/rpc/supasync_digest?asked="


def answer(client: Client, asked: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
    """What the function answers; SchemaError where it is missing, not allowed, or fails.

    What concerns the whole project, such as a quota, is raised as it is. It is asked once: where it takes too
    long, the caller asks for less.
    """
    text = json.dumps(asked, separators=(",", ":"), ensure_ascii=False)
    request = Request(path=_PATH + quote(text, safe=",:"), purpose="digest", eased=True)
    try:
        return client.send(request, _parsed)
    except (SchemaError, RowError, RefusedError) as err:
        err.raise_if_of_the_project()
        raise SchemaError(err.message, hint=err.hint) from err


def _parsed(response: Response) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(response.body)
    except RecursionError as err:
        raise ValueError("too deep") from err
