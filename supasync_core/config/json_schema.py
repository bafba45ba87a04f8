"""A JSON Schema of tables.yaml, for editors: made of the declarations that the file is read by.

It admits every file that supasync reads, and refuses unknown settings and most wrong values. What a line
alone does not tell, such as a table that depends on itself, `supasync check` says.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from supasync_core.api.plugin_host import Host
from supasync_core.api.registration import Setting
from supasync_core.api.registry import Registry
from supasync_core.config.declarations import BUDGETS, CUTOVER, REPORT, TOP, Field
from supasync_core.config.endpoints import STAGINGS
from supasync_core.config.environment import LONE_REFERENCE
from supasync_core.config.json_forms import REFERENCE, TEXT, Form, or_nothing, pattern
from supasync_core.config.table_declarations import DEFAULTS, OLD_NAMES, TABLE

FILE_NAME: Final = "tables.schema.json"
"""The name under which the schema lies beside tables.yaml."""
SHIPPED: Final = Path(__file__).with_name(FILE_NAME)
"""The one of the plugins of this distribution, for editors without `init`; docs/generate.py writes it."""
FIRST_LINE: Final = f"# yaml-language-server: $schema={FILE_NAME}"
"""What tells an editor to use it."""
FIRST_WORDS: Final = (
    '{\n "$schema": "http://json-schema.org/draft-07/schema#",\n "title": "tables.yaml of supasync",'
)
"""How each of them begins, whatever plugins there are."""
_LINK: Final = re.compile(r"\[([^]\[]{1,100})\]\([^)(]{1,200}\)")


def schema_text(host: Host) -> str:
    """The schema as a file."""
    return f"{json.dumps(json_schema(host), indent=1)}\n"


def json_schema(host: Host) -> dict[str, Any]:
    """The schema (draft 7) with the settings of every plugin that the host has loaded."""
    table = _section(TABLE, _parts_of(host), OLD_NAMES)
    stores = {name: host.state_stores.get(name).settings for name in host.state_stores}
    own = {
        "source": _backends({name: host.sources.get(name).settings for name in host.sources}),
        "sink": _backends(
            {name: {**stores[name], **host.sinks.get(name).settings} for name in host.sinks if name in stores}
        ),
        "staging": _backends({name: STAGINGS.get(name) for name in STAGINGS}),
        "budgets": _section(BUDGETS),
        "cutover": _section(CUTOVER),
        "report": _section(REPORT),
        "defaults": or_nothing(_section(DEFAULTS, _parts_of(host), OLD_NAMES)),
        "tables": {"type": "object", "minProperties": 1, "additionalProperties": or_nothing(table)},
        "checks": _uses(host.checks, several=True),
        "notify": _uses(host.notifiers, several=True),
    }
    root = _section(TOP, own)
    steps = {name: or_nothing(_settings(host.steps.get(name).settings)) for name in host.steps}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "tables.yaml of supasync",
        **root,
        "properties": {**root["properties"], **steps},
    }


def _parts_of(host: Host) -> dict[str, Form]:
    """The settings of a table that name what plugins bring."""
    return {"strategy": _uses(host.strategies), "transform": _uses(host.transforms, several=True)}


def _section(
    fields: Sequence[Field],
    forms: Mapping[str, Form] | None = None,
    old_names: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """An object with these settings and no others; ``forms`` says of some what their own form does not."""
    properties = {
        each.name: _property(each, (forms or {}).get(each.name, each.parse.form)) for each in fields
    }
    for old, name in (old_names or {}).items():
        if name in properties:
            properties[old] = {
                **properties[name],
                "deprecated": True,
                "description": f"the old name of {name}",
            }
    required = [each.name for each in fields if each.required]
    return _object(properties, required)


def _object(properties: Mapping[str, Any], required: Iterable[str] = ()) -> dict[str, Any]:
    """An object that has these properties alone."""
    needed = list(required)
    return {
        "type": "object",
        "properties": dict(properties),
        "additionalProperties": False,
        **({"required": needed} if needed else {}),
    }


def _property(field: Field, form: Form) -> dict[str, Any]:
    """The form of a setting with what it is for, as a plain text."""
    meaning = _LINK.sub(r"\1", field.meaning).removesuffix(" (see below)")
    default = "" if field.default is None or "default" in meaning else f" (default: {field.default})"
    return {"description": f"{meaning}{default}", **form}


def _backends(known: Mapping[str, Mapping[str, Setting]]) -> Form:
    """The settings of one of the backends."""
    each = [_settings(settings, {"backend": {"const": name}}) for name, settings in known.items()]
    by_reference = {"type": "object", "properties": {"backend": REFERENCE}, "required": ["backend"]}
    return {"anyOf": [*each, by_reference]}


def _settings(declared: Mapping[str, Setting], own: Mapping[str, Form] | None = None) -> dict[str, Any]:
    """An object with the settings that a plugin declares, besides those of our own."""
    properties = {name: or_nothing(_value(setting)) for name, setting in declared.items()}
    needed = [*(own or {}), *(name for name, setting in declared.items() if setting.required)]
    return _object({**(own or {}), **properties}, needed)


def _value(setting: Setting) -> Form:
    """A text, a reference alone where it must not be written into the file, or several texts."""
    if setting.several:
        texts = {"type": "object", "additionalProperties": TEXT}
        return {"anyOf": [TEXT, {"type": "array", "items": TEXT}, texts]}
    return pattern(LONE_REFERENCE.pattern) if setting.secret else TEXT


def _uses(registry: Registry[Any], *, several: bool = False) -> Form:
    """One or several of what plugins bring, by name or with settings, which an editor completes."""
    named = _object(
        {name: or_nothing(_settings(getattr(registry.get(name), "settings", {}))) for name in registry}
    )
    one = {"anyOf": [{"enum": list(registry)}, REFERENCE, named]}
    return {"anyOf": [one, {"type": "array", "items": one}]} if several else one
