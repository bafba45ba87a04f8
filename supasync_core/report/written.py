"""A report as a file."""

from pathlib import Path
from typing import Final

from supasync_core.api.plugin_host import Host
from supasync_core.cutover import saved_progress
from supasync_core.diff.last_diff import last_diff
from supasync_core.model.settings import Settings
from supasync_core.project.last_inventory import last
from supasync_core.report.page import RECORDS, Facts, page
from supasync_core.status.standing import standing
from supasync_core.system.files import write_named
from supasync_core.verify.last_verification import last_verification

_BEGIN: Final = '<!doctype html>\n<html lang="en">\n<head>\n<meta name="generator" content="supasync">'


def write_report(settings: Settings, host: Host, path: Path, *, values: bool = False) -> None:
    """Replace the file by a report of now, for its owner alone. NEW is asked, OLD is not.

    RefusedError where the file cannot be written, or is there already and is not such a report.
    """
    sides = (settings.source.ref, settings.sink.ref)
    facts = Facts(
        standing=standing(settings, host, RECORDS, costs=True),
        settings=settings,
        verification=last_verification(settings.folder, sides),
        diff=last_diff(settings.folder, sides),
        switch=saved_progress.load(settings.folder, *sides),
        besides=last(settings),
    )
    write_named(path, page(facts, values=values), (_BEGIN,))
