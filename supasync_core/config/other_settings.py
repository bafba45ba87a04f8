"""Budgets, the switch, and tables that are not copied: the small settings of tables.yaml."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from supasync_core.config.declarations import BUDGETS, CUTOVER, REPORT, defaults_of
from supasync_core.config.document import Entry, Mark, Section
from supasync_core.config.read_settings import Reading
from supasync_core.model.budget import USUAL_EGRESS, Budgets
from supasync_core.model.settings import Cutover, Mention, ReportPlace

_MONTH: Final = timedelta(days=31)
LISTS: Final = ("undecided", "ignore")


def budgets(reading: Reading, root: Section, values: Mapping[str, Any]) -> Budgets:
    """What each project may use, without limits where none are set; mistakes are reported.

    ``values`` are the top-level settings, defaults included.
    """
    stop = values["on_budget"] == "stop"
    entry = root.entries["budgets"] if "budgets" in values else None
    found = Budgets(stop=stop)
    if entry is not None and isinstance(entry.value, Section):
        found = Budgets(**reading.values(entry.value, entry.at, "budgets", BUDGETS), stop=stop)
    if entry is not None and found.monthly and values["retention"] < _MONTH:
        sentence = "a month's use is added up from the runs of that month: set retention: to 31d or more"
        reading.problems.add(entry.at, "budgets", sentence)
    if stop and not found.monthly and (entry is None or entry.sound):
        sentence = "there is no budget to stop at: set requests: or egress: under budgets:"
        reading.problems.add(root.entries["on_budget"].value.at, "on_budget", sentence)
    return found


def compare_egress(share: Decimal | int, limits: Budgets) -> int:
    """The bytes that comparisons may use a day: a size, or a part of the month's egress."""
    if isinstance(share, int):
        return share
    return max(1, round(share * (limits.egress or USUAL_EGRESS)))


def cutover(reading: Reading, entry: Entry | None) -> Cutover:
    """The cutover settings, empty where there are none; mistakes are reported."""
    if entry is None or not isinstance(entry.value, Section):
        return Cutover()
    values = {**defaults_of(CUTOVER), **reading.values(entry.value, entry.at, "cutover", CUTOVER)}
    if "env" not in values:
        return Cutover(steps=values["steps"])
    env = reading.folder / values["env"]
    if env.resolve() == (reading.folder / ".env").resolve():
        sentence = (
            "is the .env beside tables.yaml, where SUPABASE_URL is NEW already: name the app's own .env, and "
            "keep tables.yaml in another folder"
        )
        reading.problems.add(entry.settings["env"].value.at, "cutover.env", sentence)
    return Cutover(env, values["steps"])


def report(reading: Reading, entry: Entry | None) -> ReportPlace:
    """The report settings, empty where there are none; mistakes are reported."""
    if entry is None or not isinstance(entry.value, Section):
        return ReportPlace()
    values = reading.values(entry.value, entry.at, "report", REPORT)
    url = values.get("url")
    if url is not None and not url.startswith(("https://", "http://")):
        place = entry.settings["url"].value.at
        reading.problems.add(place, "report.url", "must begin with https://: a page that people can open")
    elif url is not None and "@" in url.split("/")[2]:
        place = entry.settings["url"].value.at
        reading.problems.add(place, "report.url", "must hold no user or password: it is sent to others")
    path = values.get("path")
    if path is not None and Path(path).suffix.lower() not in {".html", ".htm"}:
        reading.problems.add(entry.settings["path"].value.at, "report.path", "must end with .html")
    return ReportPlace(None if path is None else reading.folder / Path(path).expanduser(), url)


def mentions(reading: Reading, root: Section, values: Mapping[str, Any]) -> dict[str, tuple[Mention, ...]]:
    """The names of each list with their places; a name in two lists is reported."""
    tables = root.entries["tables"].settings if "tables" in root.entries else {}
    known: dict[str, Mapping[str, Mark]] = {"tables": {name: entry.at for name, entry in tables.items()}}
    found: dict[str, tuple[Mention, ...]] = {}
    path = reading.problems.path
    for setting in LISTS:
        places = root.entries[setting].places if values.get(setting) else {}
        for name, at in places.items():
            for other, names in known.items():
                if name in names:
                    sentence = f"{name} is also under {other}:, on line {names[name].line}"
                    reading.problems.add(at, setting, f"{sentence}: keep one of them")
        known[setting] = places
        found[setting] = tuple(Mention(name, f"{path}:{at.line}:{at.column}") for name, at in places.items())
    return found
