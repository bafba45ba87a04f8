"""A client of supabase-py on one project, over connections of our own.

Its own connections follow a redirect to another host, with the key, and wait five seconds (recorded of
2.34). These verify TLS, follow none, and use the proxy that the environment names.
"""

from typing import TYPE_CHECKING, Final

from supasync_core.system.connections import certificates, proxy_for

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

    return httpx.Client(
        verify=certificates() if url.startswith("https") else True,
        proxy=proxy_for(url),
        trust_env=False,
        follow_redirects=False,
        timeout=httpx.Timeout(PIECE, connect=CONNECT, pool=CONNECT),
        limits=httpx.Limits(max_connections=connections),
    )


def supabase_client(url: str, key: str, http: "httpx.Client") -> "supabase.Client":
    """The client of this project; it sends nothing, starts no thread and keeps no session."""
    import supabase  # noqa: PLC0415 - it takes longer to import than all else that a run does before it begins
    from supabase.lib.client_options import SyncClientOptions  # noqa: PLC0415 - as above

    options = SyncClientOptions(httpx_client=http, auto_refresh_token=False, persist_session=False)
    return supabase.create_client(url, key, options)
