"""The notifiers that tables.yaml names under ``notify``, called apart from all else."""

from functools import partial

from supasync_core.api.notifier import RunEnd
from supasync_core.api.plugin_fault import PluginFault, apart
from supasync_core.api.plugin_host import Host
from supasync_core.model.report import Report
from supasync_core.model.settings import Settings


def notify(host: Host, settings: Settings, report: Report, exit_code: int) -> list[PluginFault]:
    """Tell each of them how the run ended; the faults of those that failed."""
    faults = []
    for part in settings.notify:
        notifier = host.notifiers.get(part.name)
        end = RunEnd(settings=part.settings, folder=settings.folder, report=report, exit_code=exit_code)
        secret = any(setting.secret for setting in notifier.settings.values())
        plugin = host.owner(host.notifiers, part.name)
        doing = f"failed in its notifier {part.name}"
        answer = apart(plugin, doing, partial(notifier.send, end), shows_message=not secret)
        faults += [answer] if isinstance(answer, PluginFault) else []
    return faults
