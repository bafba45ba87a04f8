"""The lists ``undecided`` and ``ignore``: tables without a decision, and tables left out on purpose."""

from collections.abc import Mapping
from typing import Any, Final

from supasync_core.config.document import Mark, Section
from supasync_core.config.read_settings import Reading
from supasync_core.model.settings import Mention

LISTS: Final = ("undecided", "ignore")


def mentions(reading: Reading, root: Section, values: Mapping[str, Any]) -> dict[str, tuple[Mention, ...]]:
    """The names of each list with their places; a name in two lists is reported."""
    known = {"tables": _declared(root)}
    found: dict[str, tuple[Mention, ...]] = {}
    path = reading.problems.path
    for setting in LISTS:
        places = root.entries[setting].places if values.get(setting) else {}
        for name, at in places.items():
            for other, names in known.items():
                if name in names:
                    sentence = f"{name} is also under {other}:, in line {names[name].line}"
                    reading.problems.add(at, setting, f"{sentence}: keep one of them")
        known[setting] = places
        found[setting] = tuple(Mention(name, f"{path}:{at.line}:{at.column}") for name, at in places.items())
    return found


def _declared(root: Section) -> dict[str, Mark]:
    tables = root.entries["tables"].value if "tables" in root.entries else None
    return {name: entry.at for name, entry in tables.entries.items()} if isinstance(tables, Section) else {}
