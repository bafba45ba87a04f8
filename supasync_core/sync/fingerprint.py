"""The settings and columns under which rows were copied: with others, those rows would stay as they are."""

import hashlib
import inspect
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from supasync_core.api.backend import Source, missing_columns
from supasync_core.api.strategy import version_of
from supasync_core.api.table_plugins import transform_factories
from supasync_core.model.errors import SchemaError
from supasync_core.model.printable import command
from supasync_core.model.row_key import start_again
from supasync_core.model.state import Guarded
from supasync_core.model.table import Table
from supasync_core.project.migration import Migration
from supasync_core.project.referred_columns import REFERS
from supasync_core.sync import settings_digest, transform_code

OF_PLUGINS = ("strategy_settings", "transform_settings")
"""Names of settings in a fingerprint that only tables have which give a plugin settings."""
_SHOWN = {
    "transform_code": "transform (its file, what that imports or what it holds)",
    "plugin": "strategy",
    "strategy_version": "the strategy's version",
    **{name: name.replace("_", "'s ") for name in OF_PLUGINS},
}
"""Stored names by the words that a person knows."""


def current_settings(migration: Migration, table: Table, known: Mapping[str, str]) -> dict[str, str]:
    """The fingerprint of the table as it would be copied now; SchemaError where rows have another one."""
    transforms = transform_factories(migration.host, table)
    now = fingerprint(table, transforms, known, version_of(migration.strategy(table)))
    renamed = _is_renamed(migration.source, table, known.get("table", now["table"]))
    refuse_other_settings(table, {**known, "table": now["table"]} if renamed else known, now)
    return {**now, REFERS: known[REFERS]} if REFERS in known else now


def _is_renamed(source: Source, table: Table, known: str) -> bool:
    """Whether the table that rows were copied of has another name now, as ``was:`` says.

    SchemaError where the source still has a table of the former name: then this one is another.
    """
    former = json.loads(known)
    if former == table.relation or not table.was:
        return False
    if not _is_shown(source, table, former):
        return True
    raise table.schema_error(
        f"was: {table.was}: rows of OLD's table {former} were copied, and {table.relation} is "
        "another one: OLD still has both",
        hint=f"remove was: and run {command('state', 'reset', table.name)} to copy it from its beginning; "
        f"table: {former} keeps to the former one",
    )


def _is_shown(source: Source, table: Table, relation: str) -> bool:
    """Whether the source has a table of this name."""
    try:
        return missing_columns(source, replace(table, table=relation), table.key) != [*table.key]
    except SchemaError:
        return False


def fingerprint(
    table: Table, transforms: Mapping[str, Callable[..., Any]], known: Mapping[str, str], version: int = 1
) -> dict[str, str]:
    """The settings that decide what a copied row looks like, by the name under which they are stored.

    What is stored of another version may lack some of them, and those cannot have changed: whatever is added
    here gets a name of its own, and what an earlier version has stored under a name keeps its meaning. So the
    strategy is stored as ``plugin``, which is what it was called; its ``version`` is the plugin's to raise.
    ``known`` is what is stored now: digests of settings take their salt from it.
    """
    names = ("schema", "key", "timestamp", "where", "columns", "exclude")
    settings = {name: json.dumps(getattr(table, name)) for name in names}
    if table.soft_delete:
        settings["soft_delete"] = json.dumps(table.soft_delete)
    settings["table"] = json.dumps(table.relation)
    settings["plugin"] = json.dumps(table.strategy)
    settings["strategy_version"] = json.dumps(version)
    settings["transform"] = json.dumps([f"{name} {_code(each)}" for name, each in transforms.items()])
    if transforms:
        held = [f"{name} {transform_code.digest(each)}" for name, each in transforms.items()]
        settings["transform_code"] = json.dumps(held)
    given = {table.strategy: table.strategy_settings}, table.transform_settings
    for name, each in zip(OF_PLUGINS, given, strict=True):
        if any(each.values()):
            settings[name] = settings_digest.of(each, known.get(name))
    return settings


def refuse_other_settings(table: Table, known: Mapping[str, str], now: Mapping[str, str]) -> None:
    """SchemaError where rows were copied under other settings.

    A name that an earlier version did not store yet is not a difference.
    """
    changed = [name for name in now if known.get(name, now[name]) != now[name]]
    changed += [name for name in OF_PLUGINS if "key" in known and (name in known) != (name in now)]
    changed += ["soft_delete"] if "soft_delete" in known and not table.soft_delete else []
    if "plugin" in changed:  # the version of another strategy says nothing
        changed = [name for name in changed if name != "strategy_version"]
    if "transform" in changed:
        changed = [name for name in changed if name != "transform_code"]
    if changed:
        shown = ", ".join(_SHOWN.get(name, name) for name in changed)
        raise _start_again(
            table, f"{shown} changed since its rows were copied, and those rows would stay as they are"
        )


def refuse_other_columns(table: Table, guarded: Guarded, found: Iterable[str]) -> None:
    """SchemaError where the source has other columns than the rows that were copied."""
    known, there = set(guarded.columns), set(found)
    if known and known != there:
        words = [("gained", sorted(there - known)), ("lost", sorted(known - there))]
        changes = " and ".join(
            f"{word} {'column' if len(names) == 1 else 'columns'} {', '.join(names)}"
            for word, names in words
            if names
        )
        raise _start_again(table, f"OLD {changes}; rows already copied do not have that change")


def _start_again(table: Table, what: str) -> SchemaError:
    return table.schema_error(what, hint=start_again(table))


def _code(transform: Callable[..., Any]) -> str:
    """A digest of a transform's source text, empty where it has none to be read."""
    try:
        text = inspect.getsource(transform)
    except (OSError, TypeError):
        return ""
    return hashlib.sha256(text.encode()).hexdigest()[:12]
