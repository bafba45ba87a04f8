"""What plugins did wrong, as notes on stderr: the command goes on."""

import os
import textwrap
from collections.abc import Iterable

import click

from supasync_core.api.plugin_fault import PluginFault
from supasync_core.model.printable import visible
from supasync_core.project.session import Session


def tell(session: Session, faults: Iterable[PluginFault]) -> None:
    """A note for each fault, with the plugin's traceback where SUPASYNC_DEBUG is set."""
    for fault in faults:
        session.note(fault.sentence)
        show_tracebacks(session, [fault])


def show_tracebacks(session: Session, faults: Iterable[PluginFault]) -> None:
    """The traceback of each fault, where SUPASYNC_DEBUG is set."""
    for fault in faults if os.environ.get("SUPASYNC_DEBUG") else ():
        text = session.redact(visible(fault.traceback, "\n"))
        click.echo(textwrap.indent(text.rstrip(), "  "), err=True)
