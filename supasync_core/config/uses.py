"""Parts of plugins as tables.yaml names them: by name alone, or with settings.

Each of these forms names one or more::

    transform: mask_ip
    transform: {hash_email: {salt: "${HASH_SALT}"}}
    transform: [mask_ip, {hash_email: {salt: "${HASH_SALT}"}}]
"""

from typing import Final

from supasync_core.config.document import Entry, Listing, Mark, Nothing, Scalar, Section, Value
from supasync_core.config.json_forms import SECTION, TEXT, Form, or_nothing
from supasync_core.config.value_kinds import Mismatch, expected, of_form

_FORM: Final = "a name, or a name with its settings"
_SETTINGS: Final[Form] = {"type": "object", "additionalProperties": or_nothing(SECTION)}
_NAME: Final[Form] = {"anyOf": [TEXT, {**_SETTINGS, "minProperties": 1, "maxProperties": 1}]}
_NAMES: Final[Form] = {"anyOf": [TEXT, _SETTINGS, {"type": "array", "items": {"anyOf": [TEXT, _SETTINGS]}}]}


def uses(value: Value) -> tuple[Entry, ...]:
    """The names that a value lists, in its order, each with its settings; none twice."""
    found: dict[str, Entry] = {}
    flaws: list[tuple[Mark, str]] = []
    broken = False
    for item in value.items if isinstance(value, Listing) else (value,):
        try:
            entries = _entries(item)
        except Mismatch as mismatch:
            flaws.extend(mismatch.flaws)
            broken = True
            continue
        for entry in entries:
            if entry.name in found:
                flaws.append((entry.at, f"{entry.name} is listed twice"))
            found.setdefault(entry.name, entry)
    if flaws or broken:
        raise Mismatch(*flaws)
    return tuple(found.values())


def _entries(item: Value) -> list[Entry]:
    if isinstance(item, Scalar) and item.value:
        return [Entry(item.at, item.value, Section(item.at, {}))]
    if not isinstance(item, Section):
        raise expected(_FORM, item)
    for entry in item.entries.values():
        if not isinstance(entry.value, Section | Nothing):
            raise expected(f"the settings of {entry.name}, or nothing", entry.value)
    return list(item.entries.values())


@of_form(_NAMES)
def used_names(value: Value) -> tuple[str, ...]:
    """A name or a list of names, none twice, each with settings or without; the list may be empty."""
    return tuple(entry.name for entry in uses(value))


@of_form(_NAME)
def used_name(value: Value) -> str:
    """One name, with settings or without."""
    names = () if isinstance(value, Listing) else used_names(value)
    if len(names) != 1:
        raise Mismatch((value.at, f"expected one name, not {len(names) or 'a list'}"))
    return names[0]
