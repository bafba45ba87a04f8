"""The sections of tables.yaml that plugins bring: steps that a run takes before its tables."""

from supasync_core.config.declarations import TOP
from supasync_core.config.document import Section
from supasync_core.config.plugin_settings import Owner, plugin_settings
from supasync_core.config.read_settings import Reading
from supasync_core.config.value_kinds import Mismatch, optional_section
from supasync_core.model.settings import Part

_OWN = frozenset(field.name for field in TOP)


def own_sections(root: Section) -> Section:
    """The settings that supasync itself declares; the others are judged once the plugins are loaded."""
    return Section(root.at, {name: entry for name, entry in root.entries.items() if name in _OWN})


def steps(reading: Reading, root: Section) -> tuple[Part, ...]:
    """The steps that the file names, in its order, each with its settings; what nobody knows is reported."""
    registry, found = reading.host.steps, []
    for name, entry in root.entries.items():
        if name in _OWN:
            continue
        if name not in registry:
            reading.add_unknown(entry, entry.name, {*_OWN, *registry})
            continue
        try:
            optional_section(entry.value)
        except Mismatch as mismatch:
            reading.add_flaws(entry.name, mismatch)
            continue
        owner = Owner(reading.host.owner(registry, name), registry.kind)
        found.append(Part(name, plugin_settings(reading, name, entry, registry.get(name).settings, owner)))
    return tuple(found)
