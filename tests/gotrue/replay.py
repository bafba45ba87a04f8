"""Sending recorded requests, and comparing what comes back with what was recorded."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from tests.postgrest.auth import FAR_AWAY, sign
from tests.postgrest.settings import SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator

Exchange = dict[str, Any]
RECORDINGS = Path(__file__).parents[1] / "recordings" / "auth"
COMPARED_HEADERS = (
    "content-type",
    "x-sb-error-code",
    "x-supabase-api-version",
    "x-total-count",
    "link",
    "allow",
)
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,8}[1-9])?Z$")
GROWN = re.compile(r"JSON, user_metadata.blob of ([\d,]+) characters")
SECRET_KEY = "sb_secret_for_tests"
ANON_KEY = "sb_publishable_for_tests"
KEYS = {SECRET_KEY: "service_role", ANON_KEY: "anon"}
VOLATILE = ("access_token", "refresh_token", "expires_at", "error_id")
SEGMENTS = 3


def exchanges() -> list[Exchange]:
    """Everything that was recorded, in order."""
    lines = (RECORDINGS / "exchanges.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def send(client: httpx.Client, url: str, exchange: Exchange) -> httpx.Response:
    """Send a recorded request; what stands for a key or a token becomes one of this server."""
    asked = exchange["request"]
    headers = {name: _keyed(value) for name, value in asked["headers"].items()}
    address = url.removesuffix("/auth/v1") + asked["path"]
    return client.request(asked["method"], address, headers=headers, content=_body(exchange))


def _body(exchange: Exchange) -> bytes | None:
    asked = exchange["request"]
    if "body_json" in asked:
        return json.dumps(asked["body_json"]).encode()
    text = asked.get("body_text")
    if text is None and (grown := GROWN.match(asked.get("body", ""))):
        blob = "m" * int(grown[1].replace(",", ""))
        return json.dumps({**_named(exchange), "user_metadata": {"blob": blob}}).encode()
    return None if text is None else str(text).encode()


def _named(exchange: Exchange) -> dict[str, str]:
    answered = exchange["response"].get("body_json_cut") or exchange["response"].get("body_json") or {}
    told = {name: answered[name] for name in ("id", "email") if name in answered}
    return told or {"email": "blob@example.test"}


def _keyed(text: str) -> str:
    for mark, value in tokens():
        text = text.replace(mark, value)
    return text


def tokens() -> Iterator[tuple[str, str]]:
    """What stands in a recording for a key or a token, with one of this server's."""
    yield "<secret key>", SECRET_KEY
    yield "<publishable key>", ANON_KEY
    yield "<unknown secret key>", "sb_secret_unknown"
    service = {"role": "service_role", "exp": FAR_AWAY}
    yield "<service_role>", sign(service, SECRET)
    yield "<anon>", sign({"role": "anon", "exp": FAR_AWAY}, SECRET)
    yield "<expired service_role>", sign({**service, "exp": int(time.time()) - 60}, SECRET)
    yield "<service_role without exp>", sign({"role": "service_role"}, SECRET)
    yield "<service_role of another project>", sign(service, SECRET[::-1])
    yield "<JWT alg none>", sign(service, SECRET, "none")
    yield "<service_role with unknown kid>", sign(service, SECRET)
    yield "<JWT role supabase_admin>", sign({**service, "role": "supabase_admin"}, SECRET)
    user = {"role": "authenticated", "sub": "0a000000-0000-4000-8000-000000000003", "exp": FAR_AWAY}
    yield "<user a03>", sign(user, SECRET)
    yield "<user a03 of OLD>", sign(user, SECRET[::-1])


def differences(exchange: Exchange, answer: httpx.Response) -> list[str]:
    """What is not as recorded, but for times, tokens and ids that the server made."""
    recorded = exchange["response"]
    found = []
    if answer.status_code != recorded["status"]:
        found.append(f"status {recorded['status']} expected, {answer.status_code} found")
    for name in COMPARED_HEADERS:
        expected, actual = recorded["headers"].get(name), answer.headers.get(name)
        if expected != actual:
            found.append(f"{name}: {expected!r} expected, {actual!r} found")
    if "body_json" in recorded:
        marks = [mark.removeprefix("response.body_json.") for mark in exchange["volatile"]]
        expected, actual = (steady(value, marks) for value in (recorded["body_json"], _json(answer)))
        if expected != actual:
            found.append(f"body: {expected} expected,\n {actual} found")
    return found


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return answer.text


def steady(value: Any, marks: list[str]) -> str:
    """JSON, in its order, with marks in the place of what differs at each run."""
    return json.dumps(_steady(value, marks, ""), ensure_ascii=False)


def _steady(value: Any, marks: list[str], here: str) -> Any:
    if here in marks or here.rpartition(".")[2] in VOLATILE:
        return "<volatile>"
    if isinstance(value, dict):
        return {name: _steady(each, marks, f"{here}.{name}".lstrip(".")) for name, each in value.items()}
    if isinstance(value, list):
        found = [_steady(each, marks, f"{here}[*]") for each in value]
        return sorted(found, key=json.dumps) if here.endswith("identities") else found  # they are not sorted
    if isinstance(value, str) and TIME.match(value) and here.endswith(("_at", "_until")):
        return "<time>"
    return int(value) if isinstance(value, float) and value.is_integer() else value
