"""Settings that a plugin declares: of backends, strategies, transforms, checks and notifiers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from supasync_core.api.plugin_fault import Plugin
from supasync_core.api.registration import Setting
from supasync_core.api.registry import Registry, did_you_mean
from supasync_core.config.document import Entry, Listing, Scalar, Section, Value
from supasync_core.config.environment import is_reference
from supasync_core.config.read_settings import Question, Reading
from supasync_core.config.uses import uses
from supasync_core.config.value_kinds import expected
from supasync_core.model.secret import Secret, Values, looks_like_key
from supasync_core.model.settings import Part

_CHECKED: Final = "what is wrong with the value, as a text, or None"
_LITERAL: Final = 'is secret: put it into .env, and write only the reference "${NAME}" here'
_PARTLY: Final = 'contains a password: put it into .env, and write only the reference "${NAME}" here'


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose settings they are: the plugin, and what it calls them a part of."""

    plugin: Plugin
    kind: str


def used_settings(reading: Reading, place: str, value: Value, registry: Registry[Any]) -> dict[str, Values]:
    """The settings of each part that the value names and that has any; unknown names are reported."""
    found: dict[str, Values] = {}
    for entry in uses(value):
        if flaw := reading.unknown(registry, entry.name):
            reading.add_missing(entry.at, place, flaw)
        if entry.name not in registry:
            continue
        declared: Mapping[str, Setting] = getattr(registry.get(entry.name), "settings", {})
        inner = f"{place}.{entry.name}"
        if entry.settings and not declared:
            reading.problems.add(entry.at, inner, f"the {registry.kind} {entry.name} has no settings")
        elif values := plugin_settings(
            reading, inner, entry, declared, Owner(reading.host.owner(registry, entry.name), registry.kind)
        ):
            found[entry.name] = values
    return found


def used_parts(reading: Reading, entry: Entry | None, registry: Registry[Any]) -> tuple[Part, ...]:
    """The parts that a setting of the whole file names, in its order, each with its settings."""
    if entry is None:
        return ()
    found = used_settings(reading, entry.name, entry.value, registry)
    return tuple(Part(each.name, found.get(each.name, Values({}))) for each in uses(entry.value))


def plugin_settings(
    reading: Reading, place: str, entry: Entry, declared: Mapping[str, Setting], owner: Owner
) -> Values:
    """The settings that are present and valid; all else is reported."""
    entries = entry.settings
    values: dict[str, str | Secret] = {}
    own = ("backend",) if owner.kind == "backend" else ()
    for name, setting in entries.items():
        inner = f"{place}.{name}"
        if name in declared:
            value = _value(reading, inner, setting, declared[name], owner.plugin)
            if value is not None:
                values[name] = value
        elif name not in own:
            reading.problems.add(setting.at, inner, f"unknown setting{did_you_mean(name, [*own, *declared])}")
    for name in (name for name, setting in declared.items() if setting.required and name not in entries):
        example = f'{name}: "${{NAME}}"' if declared[name].secret else f"{name}: ..."
        reading.problems.add(entry.at, f"{place}.{name}", f"is missing: the {owner.kind} needs {example}")
    return Values(values)


def _value(
    reading: Reading, place: str, entry: Entry, setting: Setting, plugin: Plugin
) -> str | Secret | None:
    """A setting's value; None where it is empty, or invalid and reported."""
    node = _joined(entry.value) if setting.several else entry.value
    if not isinstance(node, Scalar):
        reading.add_flaws(place, expected("texts" if setting.several else "a text", node))
        return None
    if node.value is None:
        return None
    before = len(reading.problems)
    parts = [] if setting.secret else _hidden(reading, place, entry, setting, plugin)
    secret = setting.secret or bool(parts)
    reading.problems.secrets.extend(map(Secret, [node.value, *parts] if secret else []))
    flaw = _flaw(node.value, node.written, setting, secret=secret)
    if flaw is None and node.value:
        check = partial(setting.check, node.value)
        question = Question("failed to check this setting", check, str | None, _CHECKED)
        flaw = reading.ask(plugin, node.at, place, question, shows_message=not secret)
    if flaw:
        reading.problems.add(node.at, place, flaw)
    if not node.value or len(reading.problems) > before:
        return None
    return Secret(node.value) if secret else node.value


def _joined(node: Value) -> Value:
    """A list of texts, or settings of texts, as one text with a line each; any other value as it is."""
    if isinstance(node, Section):
        pairs = [(f"{each.name}: ", each.value) for each in node.entries.values()]
    elif isinstance(node, Listing):
        pairs = [("", item) for item in node.items]
    else:
        return node
    lines, written = [], []
    for name, item in pairs:
        if not isinstance(item, Scalar) or item.value is None or "\n" in item.value:
            return item if isinstance(item, Scalar) and item.value is None else node
        lines.append(name + item.value)
        written.append(name + item.written)
    return Scalar(node.at, "\n".join(written), "\n".join(lines))


def _hidden(reading: Reading, place: str, entry: Entry, setting: Setting, plugin: Plugin) -> Sequence[str]:
    """The secret parts of the value; all of it where the plugin fails to say."""
    node = entry.value
    if not isinstance(node, Scalar) or not node.value:
        return ()
    look = partial(setting.hidden, node.value)
    question = Question("failed to look for a password in this setting", look, list | tuple, "texts")
    found = reading.ask(plugin, node.at, place, question, shows_message=False)
    return [node.value] if found is None else found


def _flaw(value: str, written: str, setting: Setting, *, secret: bool) -> str | None:
    if secret:
        if not is_reference(written):
            return _LITERAL if setting.secret else _PARTLY
    elif looks_like_key(value):
        return f"is printed in messages, and the value of {written} looks like a key"
    return "is empty" if setting.required and not value else None
