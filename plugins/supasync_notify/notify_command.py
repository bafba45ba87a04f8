"""`supasync notify`: try what notifications are sent by."""

from __future__ import annotations

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
    from supasync_notify.delivery import PING, VARIABLES, ping, send  # noqa: PLC0415 - --help sends nothing

    known = {each: session.environment[each] for each in VARIABLES if session.environment.get(each)}
    if not known:
        click.echo(f"none is set: write {', '.join(VARIABLES)}, or one of them, into .env", err=True)
        return 2
    failed = False
    for variable, value in known.items():
        if not really:
            click.echo(f"{variable}: is set; --test tries it")
            continue
        text = "supasync: this is a test; notifications arrive here"
        done = ping(value, _QUIET) if variable == PING else send(variable, value, text)
        click.echo(f"{variable} {done.words}")
        failed |= not done.accepted
    return 3 if failed else 0
