"""Settings that a plugin declares: of backends, strategies, transforms, checks and notifiers."""

from collections.abc import Mapping
from typing import Any, Final

from supasync_core.api.registration import Setting
from supasync_core.api.registry import Registry, did_you_mean
from supasync_core.config.document import Entry, Scalar, Value
from supasync_core.config.environment import is_reference
from supasync_core.config.read_settings import Reading
from supasync_core.config.uses import uses
from supasync_core.config.value_kinds import expected
from supasync_core.model.secret import Secret, Values, looks_like_key

_LITERAL: Final = 'is secret: put it into .env, and write only the reference "${NAME}" here'


def used_settings(reading: Reading, place: str, value: Value, registry: Registry[Any]) -> dict[str, Values]:
    """The settings of each part that the value names and that has any; unknown names are reported."""
    found: dict[str, Values] = {}
    for entry in uses(value):
        if flaw := reading.unknown(registry, entry.name):
            reading.problems.add(entry.at, place, flaw)
        if entry.name not in registry:
            continue
        declared: Mapping[str, Setting] = getattr(registry.get(entry.name), "settings", {})
        inner = f"{place}.{entry.name}"
        if entry.settings and not declared:
            reading.problems.add(entry.at, inner, f"the {registry.kind} {entry.name} has no settings")
        elif values := plugin_settings(reading, inner, entry, declared, f"the {registry.kind}"):
            found[entry.name] = values
    return found


def plugin_settings(
    reading: Reading, place: str, entry: Entry, declared: Mapping[str, Setting], owner: str
) -> Values:
    """The settings that are present and valid; all else is reported. ``owner`` names whose they are."""
    entries = entry.settings
    values: dict[str, str | Secret] = {}
    own = ("backend",) if owner == "the backend" else ()
    for name, setting in entries.items():
        inner = f"{place}.{name}"
        if name in declared:
            value = _value(reading, inner, setting, declared[name])
            if value is not None:
                values[name] = value
        elif name not in own:
            reading.problems.add(setting.at, inner, f"unknown setting{did_you_mean(name, [*own, *declared])}")
    for name in (name for name, setting in declared.items() if setting.required and name not in entries):
        example = f'{name}: "${{NAME}}"' if declared[name].secret else f"{name}: ..."
        reading.problems.add(entry.at, f"{place}.{name}", f"is missing: {owner} needs {example}")
    return Values(values)


def _value(reading: Reading, place: str, entry: Entry, setting: Setting) -> str | Secret | None:
    """A setting's value; None where it is empty, or invalid and reported."""
    node = entry.value
    if not isinstance(node, Scalar):
        reading.add_flaws(place, expected("a text", node))
        return None
    if node.value is None:
        return None
    flaw = _flaw(reading, node.value, node.written, setting)
    if flaw:
        reading.problems.add(node.at, place, flaw)
    if not node.value or flaw:
        return None
    return Secret(node.value) if setting.secret else node.value


def _flaw(reading: Reading, value: str, written: str, setting: Setting) -> str | None:
    if setting.secret:
        reading.problems.secrets.append(Secret(value))
        if not is_reference(written):
            return _LITERAL
    elif looks_like_key(value):
        return f"is printed in messages, and the value of {written} looks like a key"
    if not value:
        return "is empty" if setting.required else None
    return setting.check(value)
