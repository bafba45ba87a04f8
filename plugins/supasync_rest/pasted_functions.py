"""Functions that a person has pasted into a project, called by GET in OLD and by POST in NEW.

No cache on the way may answer in their place, neither to a GET, as everywhere, nor to a POST.
"""

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
    return _sent(client, Request(path=path, purpose=purpose, eased=True, largest=LARGEST_ROW))


def posted(client: Client, name: str, asked: Mapping[str, Any], purpose: str) -> Any:  # noqa: ANN401 - JSON
    """The same by POST."""
    request = Request.call(name, {"asked": asked}, purpose, eased=True)
    return _sent(client, replace(request, largest=LARGEST_ROW))


def _sent(client: Client, request: Request) -> Any:  # noqa: ANN401 - JSON
    """The answer's JSON; ValueError for what is not, such as half of a character, or 1e999."""

    def parsed(response: Response) -> Any:  # noqa: ANN401 - JSON
        if response.kept:
            raise client.kept(request, response.kept)
        try:
            return msgspec.json.decode(response.body)
        except msgspec.DecodeError as err:
            raise json.JSONDecodeError(str(err), "", 0) from err
        except RecursionError as err:
            raise ValueError("too deep") from err

    return client.send(request, parsed)
