"""Reading settings by their declarations: what is given and sound becomes values, all else problems."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supasync_core.api.plugin_host import Host
from supasync_core.api.registry import Registry, did_you_mean
from supasync_core.config.declarations import Field
from supasync_core.config.document import Mark, Problems, Section
from supasync_core.config.value_kinds import Mismatch


@dataclass(frozen=True, slots=True)
class Reading:
    """What every part of tables.yaml is read with: its folder, who knows the names, the problems so far.

    ``complete`` is False where a plugin file failed, so that a name which nobody knows may be of that file.
    """

    folder: Path
    host: Host
    problems: Problems
    complete: bool = True

    def unknown(self, registry: Registry[Any], name: str) -> str | None:
        """What is wrong with a name that is not registered; None where nothing is."""
        if name in registry or not self.complete:
            return None
        return f"unknown {registry.kind} {name}{did_you_mean(name, registry)}"

    def add_flaws(self, place: str, mismatch: Mismatch) -> None:
        """Report what does not match."""
        for at, sentence in mismatch.flaws:
            self.problems.add(at, place, sentence)

    def values(self, section: Section, at: Mark, place: str, fields: Sequence[Field]) -> dict[str, Any]:
        """The values of the fields that are given and sound; one that is missing is reported at ``at``."""
        known = {field.name: field for field in fields}
        found: dict[str, Any] = {}
        for name, entry in section.entries.items():
            inner = f"{place}.{name}".lstrip(".")
            if name not in known:
                self.problems.add(entry.at, inner, f"unknown setting{did_you_mean(name, known)}")
                continue
            try:
                found[name] = known[name].parse(entry.value)
            except Mismatch as mismatch:
                self.add_flaws(inner, mismatch)
        for field in fields:
            if field.required and field.name not in section.entries:
                self.problems.add(at, f"{place}.{field.name}".lstrip("."), f"is missing: {field.doc}")
        return found
