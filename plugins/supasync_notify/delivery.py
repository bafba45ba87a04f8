"""Sending a message or a ping: to an address of one's own, or by the services that Apprise knows.

Addresses are secrets, because whoever knows one may write there: no answer that leaves here names one.
"""

from __future__ import annotations

from contextlib import closing
from urllib.parse import urlsplit, urlunsplit

from supasync_core.model.errors import SupasyncError
from supasync_core.system.addresses import is_safe
from supasync_notify.bounded import Delivery
from supasync_notify.run_changes import TOLERATED
from supasync_notify.services import by_services, flaw_of_services

WEBHOOK = "SUPASYNC_WEBHOOK_URL"
PING = "SUPASYNC_PING_URL"
SERVICES = "SUPASYNC_NOTIFY_URLS"
VARIABLES = (WEBHOOK, SERVICES, PING)
TIMEOUT = 5.0
"""Seconds for each step of a request."""
_SUCCESS = range(200, 300)
_DISCORD = ("discord.com", "discordapp.com")
_UNSAFE = "must begin with https://"


def send(variable: str, value: str, text: str, seconds: float) -> Delivery:
    """Send a text by what the variable is for; services have so many seconds."""
    if variable == SERVICES:
        return by_services(value, text, seconds)
    return _request("POST", value, {_field(value): text})


def ping(url: str, exit_code: int, _seconds: float) -> Delivery:
    """Say how a run ended, by the address with /log or /fail behind its path; neither means success.

    Healthchecks.io documentation, "Pinging API": a log does not change a check's state.
    """
    suffix = "/log" if exit_code in TOLERATED else "/fail" if exit_code else ""
    try:
        parts = urlsplit(url)
    except ValueError:
        return Delivery(accepted=False, words=_UNSAFE)
    return _request("GET", urlunsplit(parts._replace(path=parts.path.rstrip("/") + suffix)))


def flaw(variable: str, value: str) -> str | None:
    """What is wrong with the value of the variable; None where it can be used. Nothing is sent."""
    if variable != SERVICES:
        return None if is_safe(value) else _UNSAFE
    return flaw_of_services(value)


def _field(url: str) -> str:
    """The name under which the service expects the text: Discord's own API has another than all others."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return "text"
    own = host.endswith(_DISCORD) and not parts.path.rstrip("/").endswith("/slack")
    return "content" if own else "text"


def _request(method: str, url: str, body: object = None) -> Delivery:
    import urllib3  # noqa: PLC0415 - slow to import, and wanted by few

    from supasync_core.system import connections  # noqa: PLC0415 - the same

    if not is_safe(url):
        return Delivery(accepted=False, words=_UNSAFE)
    try:
        with closing(connections.pool(url, urllib3.Timeout(TIMEOUT))) as pool:
            target = urlunsplit(urlsplit(url)._replace(scheme="", netloc="", fragment="")) or "/"
            login = urllib3.make_headers(basic_auth=connections.user(url))
            answer = pool.request(
                method, target, json=body, headers=login, redirect=False, preload_content=False
            )
            answer.close()  # nothing of its body is read
    except (urllib3.exceptions.HTTPError, SupasyncError, OSError, ValueError) as err:
        return Delivery(accepted=False, words=f"cannot be reached ({type(err).__name__})")
    return Delivery(answer.status in _SUCCESS, f"answers {answer.status}")
