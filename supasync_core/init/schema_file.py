"""The schema beside tables.yaml, by which an editor completes settings and marks mistakes."""

from pathlib import Path

from supasync_core.api.plugin_host import Host
from supasync_core.config.json_schema import FILE_NAME, FIRST_LINE, FIRST_WORDS, schema_text
from supasync_core.system.files import check_named
from supasync_core.system.links import replace_whole


def write_schema(path: Path, host: Host) -> None:
    """Write it for the plugins that are loaded; only where that tables.yaml names it.

    RefusedError where it cannot be written, or where a link or a file of somebody else's is in its place.
    """
    with path.open(encoding="utf-8-sig") as file:
        if file.readline().strip() != FIRST_LINE:
            return
    place = path.with_name(FILE_NAME)
    check_named(place, (FIRST_WORDS,))
    replace_whole(place, lambda file: file.write(schema_text(host).encode()))
