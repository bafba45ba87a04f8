"""tables.yaml -> settings; every problem at once, each with its line and column."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from supasync_core.api.plugin_fault import PluginFault, attempt
from supasync_core.api.plugin_host import Host
from supasync_core.config.declarations import TOP, defaults_of
from supasync_core.config.document import Entry, Mark, Problems, Section, Value, parse
from supasync_core.config.endpoints import endpoints, staging_of
from supasync_core.config.environment import Environment, read_dotenv, variables
from supasync_core.config.other_settings import budgets, compare_egress, cutover, mentions, report
from supasync_core.config.plugin_settings import used_parts
from supasync_core.config.read_settings import Reading
from supasync_core.config.step_sections import own_sections, steps
from supasync_core.config.table_declarations import OLD_NAMES
from supasync_core.config.table_settings import refuse_same_place, tables
from supasync_core.config.value_kinds import Mismatch, section
from supasync_core.model.errors import ConfigError, PluginError
from supasync_core.model.secret import Secret
from supasync_core.model.settings import ACCESS_TOKEN, API_VARIABLES, DATABASE_URLS, Settings
from supasync_core.system import descriptors

__all__ = ["Host", "Settings", "load", "may_name_files", "names_of_tables", "secrets_beside"]

_OTHER: Final = "name another file with --config PATH"
_STALE_INTERVALS: Final = 6
_LARGEST: Final = 5_000_000
"""Bytes of a tables.yaml; 20,000 tables take about one million."""


def load(path: Path, environ: Mapping[str, str], host: Host, *, lenient: bool = False) -> Settings:
    """The settings in the file; ConfigError with every problem of it where there is any.

    ``environ`` wins over the file .env in the same folder. The project's own plugin files are loaded into
    the host. ``lenient``: where a plugin is gone, that is among the notes, for who only looks at the state.
    """
    written = _text(path)
    host.folder = path.parent
    problems = Problems(str(path))
    dotenv, flaws = read_dotenv(path.parent / ".env")
    for line, flaw in flaws:
        problems.add(Mark(line, 1), "", flaw, path=str(path.parent / ".env"))
    document = parse(written, Environment(environ, dotenv).expand, problems)
    settings = _settings(path, Reading(path.parent, host, problems, lenient=lenient), document)
    if settings is None or problems:
        raise ConfigError(problems.lines())
    known = variables(environ, dotenv)
    return replace(settings, environment=known, secrets=(*settings.secrets, *secrets_beside(host, known)))


def names_of_tables(path: Path) -> tuple[str, ...]:
    """The tables that the file names; nothing else of it is read, and no plugin is loaded.

    Nothing where it cannot be read.
    """
    entry = (_entries(path, Problems(str(path))) or {}).get("tables")
    return tuple(entry.settings) if entry is not None else ()


def may_name_files(path: Path) -> bool:
    """Whether OLD or NEW has a ``path``; also where the file cannot be read, and nobody knows."""
    problems = Problems(str(path))
    found = _entries(path, problems)
    sides = [found[name] for name in ("source", "sink") if name in found] if found is not None else []
    return found is None or bool(problems) or any("path" in each.settings for each in sides)


def _entries(path: Path, problems: Problems) -> Mapping[str, Entry] | None:
    """What the file has by name, its variables as they are written; None where it cannot be read."""
    try:
        document = parse(_text(path), lambda text: (text, []), problems)
    except ConfigError:
        return None
    return document.entries if isinstance(document, Section) else None


def secrets_beside(host: Host, known: Mapping[str, str]) -> Iterator[Secret]:
    """The keys, and connection strings with a password, that commands read though tables.yaml names none."""
    keys = [*(key for _, key in API_VARIABLES.values()), ACCESS_TOKEN]
    yield from map(Secret, filter(None, map(known.get, keys)))
    name = next((name for name in host.sources if host.sources.get(name).sql), None)
    setting = host.sources.get(name).settings.get("url") if name else None
    if name is None or setting is None:
        return
    for url in filter(None, (known.get(each) for each in DATABASE_URLS.values())):
        look = partial(setting.hidden, url)
        plugin = host.owner(host.sources, name)
        found = attempt(plugin, "failed to look for a password", look, shows_message=False)
        parts = [url] if isinstance(found, PluginFault) else found
        yield from map(Secret, [url, *parts] if parts else [])


def _text(path: Path) -> str:
    try:
        return descriptors.read(path, _LARGEST, follow=True).decode("utf-8-sig")
    except FileNotFoundError:
        sentence = (
            "no such file: supasync init writes one; or run supasync in the folder of tables.yaml, "
            f"or {_OTHER}"
        )
    except UnicodeDecodeError as err:
        sentence = f"is not UTF-8 text (byte {err.start + 1}): save it as UTF-8, or {_OTHER}"
    except OSError as err:
        sentence = f"cannot be read ({err.strerror}): fix that, or {_OTHER}"
        if path.is_dir():
            sentence = "is a folder: name the file in it with --config PATH"
    raise ConfigError([f"{path}: {sentence}"])


def _settings(path: Path, reading: Reading, document: Value | None) -> Settings | None:
    """The settings of the document; None where it has problems."""
    root = _root(reading, document)
    if root is None:
        return None
    written = reading.values(own_sections(root), root.at, "", TOP)
    reading = replace(reading, complete=_load_plugins(reading, root, written))
    sides = endpoints(reading, _entry(root, written, "source"), _entry(root, written, "sink"))
    staging = staging_of(reading, _entry(root, written, "staging"), sides)
    found = tables(reading, _entry(root, written, "tables"), root.entries.get("defaults"))
    refuse_same_place(reading, found, _entry(root, written, "tables"), sides)
    checks = used_parts(reading, _entry(root, written, "checks"), reading.host.checks)
    notify = used_parts(reading, _entry(root, written, "notify"), reading.host.notifiers)
    before = steps(reading, root)
    left_out = mentions(reading, root, written)
    switch = cutover(reading, _entry(root, written, "cutover"))
    shown = report(reading, _entry(root, written, "report"))
    values = {**defaults_of(TOP), **written}
    limits = budgets(reading, root, values)
    stale_after = _stale_after(reading, root, values)
    if sides is None or staging is None or reading.problems:
        return None
    return Settings(
        path=path,
        folder=reading.folder,
        source=sides[0],
        sink=sides[1],
        plugins=values["plugins"],
        enabled=values["enabled"],
        interval=values["interval"],
        stale_after=stale_after,
        max_runtime=values["max_runtime"],
        workers=values["workers"],
        retention=values["retention"],
        tables=found,
        secrets=tuple(reading.problems.secrets),
        staging=staging,
        cutover=switch,
        report=shown,
        budgets=limits,
        undecided=left_out["undecided"],
        ignore=left_out["ignore"],
        checks=checks,
        notify=notify,
        steps=before,
        compare_egress=compare_egress(values["compare_egress"], limits),
        notes=tuple(
            f"{path}:{at.line}:{at.column}: {old} is now called {OLD_NAMES[old]}; {old} still works"
            for old, at in reading.old_names.items()
        )
        + tuple(reading.missing),
    )


def _root(reading: Reading, document: Value | None) -> Section | None:
    """The top-level settings; None, and reported, where there are none."""
    if document is None:
        if not reading.problems:
            sentence = (
                "is empty: write version, source, sink and tables into it, or delete it and run "
                f"supasync init, or {_OTHER}"
            )
            reading.problems.add(Mark(1, 1), "", sentence)
        return None
    try:
        root: Section = section("settings such as version: 1")(document)
    except Mismatch as mismatch:
        reading.add_flaws("", Mismatch(*((at, f"{sentence}; {_OTHER}") for at, sentence in mismatch.flaws)))
        return None
    return root


def _entry(root: Section, written: Mapping[str, Any], name: str) -> Entry | None:
    """The entry of a setting that is present and valid."""
    return root.entries[name] if name in written else None


def _load_plugins(reading: Reading, root: Section, written: Mapping[str, Any]) -> bool:
    """Load the project's own plugin files; whether all of them loaded."""
    if "plugins" not in written:
        return "plugins" not in root.entries
    complete = True
    for name, at in root.entries["plugins"].places.items():
        try:
            reading.host.load_file(reading.folder / name, reading.folder)
        except PluginError as err:
            reading.add_missing(at, "plugins", err.message)
            complete = False
    return complete


def _stale_after(reading: Reading, root: Section, values: Mapping[str, Any]) -> timedelta:
    """The age from which the last run counts as stale; at least the interval."""
    interval: timedelta = values["interval"]
    stale_after: timedelta = values.get("stale_after", _STALE_INTERVALS * interval)
    if stale_after < interval:
        at = root.entries["stale_after" if "stale_after" in values else "interval"].value.at
        reading.problems.add(at, "stale_after", "is shorter than interval: every run would be stale")
    return stale_after
