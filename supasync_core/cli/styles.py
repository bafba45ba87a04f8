"""Texts for rich, and lines in colour: on a terminal that shows it, and plain everywhere else."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import click

from supasync_core.cli import streams
from supasync_core.model.printable import visible
from supasync_core.project.session import Session

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

_COLOURS: Final = {
    **dict.fromkeys(("ok", "success", "baseline", "equal"), "green"),
    **dict.fromkeys(("failed", "problem", "error", "different"), "red"),
    **dict.fromkeys(("skipped", "partial", "incomplete", "interrupted", "warning"), "yellow"),
    **dict.fromkeys(("not due", "note", "accepted", "running"), "cyan"),
}
"""By what a table, a run or a finding is."""


def styled_line(text: str, style: str) -> None:
    """Print a line in a style of rich, such as ``bold`` or ``green``; NO_COLOR and TERM=dumb are kept to.

    Control characters in the text are shown, not obeyed.
    """
    if sys.stdout.isatty():
        streams.put(rendered(styled(text, style)))
    else:
        click.echo(text)


def status_line(before: str, word: str, after: str, status: str) -> None:
    """Print a line of which the word has the colour of a status, where `styled_line` has colours."""
    if not sys.stdout.isatty():
        click.echo(visible(f"{before}{word}{after}"))
        return
    from rich.text import Text  # noqa: PLC0415 - not needed under cron

    parts = (styled(before), styled(word, colour(status)), styled(after))
    streams.put(rendered(Text.assemble(*parts)))


def colour(status: str) -> str:
    """The style of what has this status; none of one that nobody knows."""
    return _COLOURS.get(status, "")


def rendered(what: RenderableType, *, width: int | None = None, wraps: bool = False) -> str:
    """What rich prints of it on this terminal, or in so many characters off a terminal."""
    from io import StringIO  # noqa: PLC0415 - as above

    from rich.console import Console  # noqa: PLC0415 - as above

    shown = StringIO()
    terminal = sys.stdout.isatty()
    console = Console(file=shown, force_terminal=terminal, width=None if terminal else width, highlight=False)
    console.print(what, soft_wrap=not wraps)
    return shown.getvalue()


def styled(text: str, style: str = "") -> Text:
    """A text for rich, redacted and without control characters; nothing in it is markup."""
    from rich.text import Text  # noqa: PLC0415 - not needed under cron

    return Text(visible(redactor()(text)), style)


def label(text: str) -> str:
    """The same as markup, in which nothing is markup."""
    from rich.markup import escape  # noqa: PLC0415 - not needed under cron

    return escape(styled(text).plain)


def redactor() -> Callable[[str], str]:
    """What takes keys out of a text that goes to a stream without its guard."""
    found = session()
    return found.redact if found else str


def session() -> Session | None:
    """The session of the command that runs; None outside of one."""
    context = click.get_current_context(silent=True)
    return context.find_object(Session) if context else None
