"""The settings of a project once they have been read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from supasync_core.model.budget import USUAL_EGRESS, Budgets
from supasync_core.model.secret import Secret
from supasync_core.model.table import Table

DATABASE_URLS: Final = {"OLD": "OLD_DATABASE_URL", "NEW": "NEW_DATABASE_URL"}
"""The variables with connection strings that stand beside what tables.yaml names."""
API_VARIABLES: Final = {
    "OLD": ("OLD_SUPABASE_URL", "OLD_SUPABASE_SERVICE_ROLE_KEY"),
    "NEW": ("SUPABASE_URL", "SUPABASE_SERVICE_ROLE_KEY"),
}
"""The variables with the address and the secret key of each project's API."""
ACCESS_TOKEN: Final = "SUPABASE_ACCESS_TOKEN"  # noqa: S105 - a variable's name
"""The variable with a personal access token of the Management API."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One side: its backend's name, the backend's settings, and the project that they name."""

    backend: str
    values: Mapping[str, str]
    ref: str


@dataclass(frozen=True, slots=True)
class Cutover:
    """What `cutover` changes and runs: the app's .env, and commands of the user's own."""

    env: Path | None = None
    steps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReportPlace:
    """Where each run writes a report, and the address at which people find it."""

    path: Path | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Mention:
    """A table that is named without settings, and the ``place`` in tables.yaml where it is."""

    name: str
    place: str


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a plugin that tables.yaml names, and its settings; a secret among them is hidden by repr."""

    name: str
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What tables.yaml says, complete and consistent; ``tables`` are in the order in which they are copied.

    ``interval`` is the time expected between two runs, ``stale_after`` how old the last good one may be,
    ``max_runtime`` how long one may take; ``workers`` is how many batches are written at once.
    """

    path: Path
    folder: Path
    source: Endpoint
    sink: Endpoint
    plugins: tuple[str, ...]
    enabled: bool
    interval: timedelta
    stale_after: timedelta
    max_runtime: timedelta
    workers: int
    retention: timedelta
    tables: tuple[Table, ...]
    secrets: tuple[Secret, ...]
    staging: Path
    """The file in which exports are staged, and rows are kept before they are removed."""
    cutover: Cutover = Cutover()
    report: ReportPlace = ReportPlace()
    budgets: Budgets = field(default_factory=Budgets)
    undecided: tuple[Mention, ...] = ()
    """Tables that are not copied because nobody has decided on them."""
    ignore: tuple[Mention, ...] = ()
    """Tables that are left out on purpose."""
    compare_egress: int = USUAL_EGRESS // 50
    """Bytes of each project that comparisons may use a day."""
    checks: tuple[Part, ...] = ()
    """Checks of plugins that are run beside the own ones."""
    notify: tuple[Part, ...] = ()
    """Notifiers of plugins, which hear how runs end."""
    steps: tuple[Part, ...] = ()
    """What a run does beside its tables: sections that plugins bring."""
    notes: tuple[str, ...] = ()
    """Remarks on the file, such as old names of settings, one sentence each."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """The variables of the process, and those of .env that it does not have, none shown by a repr."""

    def api_address(self, project: str) -> str | None:
        """The address of OLD's or NEW's API; None where neither tables.yaml nor the environment names it."""
        end = self.source if project == "OLD" else self.sink
        named = self.environment.get(API_VARIABLES[project][0], "")
        told = (end.values.get("url", ""), end.values.get("project", ""), named)
        found = next((each.strip() for each in told if each.strip().startswith("http")), None)
        return found and found.rstrip("/").removesuffix("/rest/v1")
