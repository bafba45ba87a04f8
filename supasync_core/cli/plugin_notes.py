"""What plugins did wrong, as notes on stderr: the command goes on."""

from collections.abc import Iterable

from supasync_core.api.plugin_fault import PluginFault
from supasync_core.cli import output
from supasync_core.project.session import Session


def tell(session: Session, faults: Iterable[PluginFault]) -> None:
    """A note for each fault, with the plugin's traceback where SUPASYNC_DEBUG is set."""
    for fault in faults:
        session.note(fault.sentence)
        output.trace(fault.traceback)
