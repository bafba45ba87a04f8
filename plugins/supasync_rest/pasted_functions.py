"""Functions that a person has pasted into a project, called by GET in OLD and by POST in NEW."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import msgspec

from supasync_rest.client import Client
from supasync_rest.messages import LARGEST_ROW, Request, Response


def read(client: Client, name: str, asked: Mapping[str, Any], purpose: str) -> Any:  # noqa: ANN401 - JSON
    """What the function answers to a GET; it is asked once where it takes too long."""
    text = json.dumps(asked, separators=(",", ":"), ensure_ascii=False)
    path = f"/rpc/{name}?asked={quote(text, safe=',:')}"
    return client.send(Request(path=path, purpose=purpose, eased=True, largest=LARGEST_ROW), parsed)


def posted(client: Client, name: str, asked: Mapping[str, Any], purpose: str) -> Any:  # noqa: ANN401 - JSON
    """The same by POST."""
    request = Request.call(name, {"asked": asked}, purpose, eased=True)
    return client.send(replace(request, largest=LARGEST_ROW), parsed)


def parsed(response: Response) -> Any:  # noqa: ANN401 - JSON
    """The answer's JSON; ValueError for what is not, such as half of a character, or 1e999."""
    try:
        return msgspec.json.decode(response.body)
    except RecursionError as err:
        raise ValueError("too deep") from err
