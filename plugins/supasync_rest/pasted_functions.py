"""Functions that a person has pasted into a project, called by GET in OLD and by POST in NEW.

No cache on the way may answer in their place: each question by GET has an address of its own, and an answer
that a cache has kept is refused.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from secrets import token_hex
from typing import Any
from urllib.parse import quote

import msgspec

from supasync_core.system.kept_answer import ASK_THE_SERVER, kept_by_a_cache
from supasync_rest.client import Client
from supasync_rest.messages import LARGEST_ROW, Request, Response
from supasync_rest.rest_errors import RetryableError


def read(client: Client, name: str, asked: Mapping[str, Any], purpose: str) -> Any:  # noqa: ANN401 - JSON
    """What the function answers to a GET; it is asked once where it takes too long."""
    text = json.dumps({**asked, "n": token_hex(4)}, separators=(",", ":"), ensure_ascii=False)
    path = f"/rpc/{name}?asked={quote(text, safe=',:')}"
    request = Request(path=path, purpose=purpose, eased=True, largest=LARGEST_ROW, headers=ASK_THE_SERVER)
    return client.send(request, _parsed_by(client))


def posted(client: Client, name: str, asked: Mapping[str, Any], purpose: str) -> Any:  # noqa: ANN401 - JSON
    """The same by POST."""
    request = Request.call(name, {"asked": asked}, purpose, eased=True)
    return client.send(replace(request, largest=LARGEST_ROW), _parsed_by(client))


def _parsed_by(client: Client) -> Callable[[Response], Any]:
    """What reads the answer's JSON; ValueError for what is not, such as half of a character, or 1e999."""

    def parsed(response: Response) -> Any:  # noqa: ANN401 - JSON
        if kept := kept_by_a_cache(response.headers):
            raise RetryableError(f"{client.project}: {kept}")
        try:
            return msgspec.json.decode(response.body)
        except msgspec.DecodeError as err:
            raise json.JSONDecodeError(str(err), "", 0) from err
        except RecursionError as err:
            raise ValueError("too deep") from err

    return parsed
