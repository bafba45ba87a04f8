"""The schema beside tables.yaml, by which an editor completes settings and marks mistakes."""

from pathlib import Path

from supasync_core.api.plugin_host import Host
from supasync_core.config.json_schema import FILE_NAME, FIRST_LINE, schema_text
from supasync_core.system.links import replace_whole


def write_schema(path: Path, host: Host) -> None:
    """Write it for the plugins that are loaded; only where that tables.yaml names it.

    RefusedError where it cannot be written.
    """
    with path.open(encoding="utf-8-sig") as file:
        if file.readline().strip() != FIRST_LINE:
            return
    replace_whole(path.with_name(FILE_NAME), lambda file: file.write(schema_text(host).encode()))
