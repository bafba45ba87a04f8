"""supasync moves the rows of one Supabase project to another, hourly, until the switch.

What a plugin imports from here is loaded when it is asked for: a command's first lines come first.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from supasync_core.api.hookspecs import hookimpl

__all__ = ["hookimpl"]


def __getattr__(name: str) -> object:
    """The marker of hooks, loaded now."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from supasync_core.api import hookspecs  # noqa: PLC0415 - a signal is heard before this is imported

    return getattr(hookspecs, name)
