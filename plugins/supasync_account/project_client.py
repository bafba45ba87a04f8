"""A client of supabase-py on one project, over connections of our own.

Its own connections follow a redirect to another host, with the key, and wait five seconds (recorded of
2.34). These verify TLS, follow none, end each answer, and use the proxy that the environment names.
"""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import httpx
    import supabase

CONNECT: Final = 10.0
"""Seconds until a connection stands, and until one of the pool is free."""
PIECE: Final = 60.0
"""Seconds until the next piece of a request is sent, and of an answer is there."""


def http_client(url: str, connections: int = 8) -> "httpx.Client":
    """Connections to that address; errors are httpx's, and ConfigError for a proxy that cannot be used."""
    import httpx  # noqa: PLC0415 - only a command that asks the account needs it

    from supasync_account.ending_transport import EndingTransport  # noqa: PLC0415 - as above

    return httpx.Client(
        transport=EndingTransport(url, connections),
        trust_env=False,  # else the environment's proxies go past this transport
        follow_redirects=False,
        timeout=httpx.Timeout(PIECE, connect=CONNECT, pool=CONNECT),
    )


def supabase_client(url: str, key: str, http: "httpx.Client") -> "supabase.Client":
    """The client of this project; it sends nothing, starts no thread and keeps no session."""
    import supabase  # noqa: PLC0415 - it takes longer to import than all else that a run does before it begins
    from supabase.lib.client_options import SyncClientOptions  # noqa: PLC0415 - as above

    options = SyncClientOptions(httpx_client=http, auto_refresh_token=False, persist_session=False)
    return supabase.create_client(url, key, options)
