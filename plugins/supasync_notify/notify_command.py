"""`supasync notify`: try what notifications are sent by."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from supasync_core.project.session import Session

_QUIET = 4
"""The exit code whose ping changes no check's state."""


@click.command()
@click.option("--test", "really", is_flag=True, help="Send a message and a ping, and print the answers.")
@click.pass_obj
def notify(session: Session, *, really: bool) -> int:
    """Show which notifications are set, and try them.

    Exits with 0 where each was accepted, with 2 where none is set, with 3 where one was not accepted.
    """
    from supasync_notify.bounded import deliver  # noqa: PLC0415 - --help sends nothing
    from supasync_notify.delivery import PING, VARIABLES, ping, send  # noqa: PLC0415 - the same

    known = {each: session.environment[each] for each in VARIABLES if session.environment.get(each)}
    if not known:
        click.echo(f"none is set: write {', '.join(VARIABLES)}, or one of them, into .env", err=True)
        return 2
    if not really:
        for variable in known:
            click.echo(f"{variable}: is set; --test tries it")
        return 0
    text = "supasync: this is a test; notifications arrive here"
    sends = {each: [partial(send, each, value, text)] for each, value in known.items() if each != PING}
    if url := known.get(PING):
        sends[PING] = [partial(ping, url, _QUIET)]
    told = deliver(sends)
    for variable, (done,) in told.items():
        click.echo(f"{variable} {done.words}")
    return 0 if all(done.accepted for (done,) in told.values()) else 3
