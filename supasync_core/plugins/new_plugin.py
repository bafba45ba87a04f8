"""A package with a plugin, an entry point, its contract tests and a README: the beginning of one's own."""

import re
from collections.abc import Mapping
from keyword import iskeyword
from pathlib import Path
from string import Template
from typing import Final

from supasync_core.model.errors import ConfigError, RefusedError

TEMPLATES: Final = Path(__file__).parent / "templates"
_FILES: Final[Mapping[str, Mapping[str, str]]] = {
    "source": {
        "$package/__init__.py": "init_source",
        "$package/files.py": "files",
        "$package/source.py": "source",
        "tests/test_source.py": "test_source",
    },
    "sink": {
        "$package/__init__.py": "init_sink",
        "$package/files.py": "files",
        "$package/sink.py": "sink",
        "tests/test_sink.py": "test_sink",
    },
    "backend": {
        "$package/__init__.py": "init_backend",
        "$package/files.py": "files",
        "$package/source.py": "source",
        "$package/sink.py": "sink",
        "tests/test_source.py": "test_source",
        "tests/test_sink.py": "test_sink",
    },
    "strategy": {
        "$package/__init__.py": "init_strategy",
        "$package/strategy.py": "strategy",
        "tests/test_strategy.py": "test_strategy",
    },
    "transform": {
        "$package/__init__.py": "init_transform",
        "$package/transform.py": "transform",
        "tests/test_transform.py": "test_transform",
    },
    "check": {"$package/__init__.py": "init_check", "tests/test_check.py": "test_check"},
    "notifier": {"$package/__init__.py": "init_notifier", "tests/test_notifier.py": "test_notifier"},
    "command": {
        "$package/__init__.py": "init_command",
        "$package/count_rows.py": "count_rows",
        "tests/test_command.py": "test_command",
    },
}
_EACH: Final = {
    "pyproject.toml": "pyproject",
    "README.md": "README",
    "$package/py.typed": None,
    "tests/test_plugin.py": "test_plugin",
}
_USAGE: Final = {
    "source": "source: {backend: $name, path: old}",
    "sink": "sink: {backend: $name, path: new}",
    "backend": "source: {backend: $name, path: old}\nsink: {backend: $name, path: new}",
    "strategy": "tables:\n  users: {strategy: $name}",
    "transform": "tables:\n  users: {transform: {$name: {column: email}}}",
    "check": "checks: {$name: {least: 1000}}",
    "notifier": "notify: {$name: {path: runs.txt}}",
    "command": "# on the command line: supasync $command",
}
KINDS: Final = tuple(_FILES)
REGISTERED: Final[Mapping[str, tuple[str, ...]]] = {
    "source": ("sources",),
    "sink": ("sinks", "state_stores"),
    "backend": ("sources", "sinks", "state_stores"),
    "strategy": ("strategies",),
    "transform": ("transforms",),
    "check": ("checks",),
    "notifier": ("notifiers",),
}
"""The registries in which a package of a kind takes its name."""
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,23}")


def write(kind: str, name: str, folder: Path) -> list[Path]:
    """Write the package ``supasync-NAME`` into a folder; the paths of its files.

    ConfigError for a name that no package can have, RefusedError where there is something of that name.
    """
    if not _NAME.fullmatch(name) or iskeyword(name) or name == "core":
        raise ConfigError([f"{name}: use up to 24 of a-z, 0-9 and _, beginning with a letter"])
    words = {
        "kind": kind,
        "name": name,
        "Name": "".join(part.capitalize() for part in name.split("_")),
        "command": name.replace("_", "-"),
        "package": f"supasync_{name}",
        "project": f"supasync-{name.replace('_', '-')}",
    }
    words["usage"] = Template(_USAGE[kind]).substitute(words)
    place = folder / words["project"]
    try:
        place.mkdir(parents=True)
        return [
            _written(place, path, template, words) for path, template in {**_EACH, **_FILES[kind]}.items()
        ]
    except FileExistsError as err:
        raise RefusedError(f"{place} exists already and was not changed") from err
    except OSError as err:
        raise RefusedError(f"{place} cannot be written: {err.strerror or err}") from err


def _written(place: Path, path: str, template: str | None, words: Mapping[str, str]) -> Path:
    file = place / Template(path).substitute(words)
    file.parent.mkdir(exist_ok=True)
    text = (TEMPLATES / f"{template}.txt").read_text("utf-8") if template else ""
    file.write_text(Template(text).substitute(words), encoding="utf-8")
    return file
