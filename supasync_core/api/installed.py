"""The plugins that packages bring by their entry points; a package that is damaged hides no other."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from supasync_core.system.package_scan import only_package

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from importlib.metadata import Distribution, EntryPoint

GROUP: Final = "supasync"
OURS: Final = "supasync"
"""The package of the built-in plugins, which come first, so that no other can take their names."""


@dataclass(frozen=True, slots=True)
class OwnPoint:
    """An entry point of supasync itself, in all that is asked of it as one of `importlib.metadata`."""

    name: str
    value: str
    version: str = ""

    def load(self) -> object:
        """The module."""
        return import_module(self.value)


def installed() -> tuple[list[EntryPoint | OwnPoint], list[EntryPoint | OwnPoint]]:
    """The entry points of the group, our own first, then by package; and one for each damaged package."""
    only = only_package(GROUP)
    if only is not None and only.name == OURS:
        return [OwnPoint(name, value, only.version) for name, value in sorted(only.points)], []
    from importlib.metadata import entry_points  # noqa: PLC0415 - where other packages have plugins

    try:
        return _in_order(entry_points(group=GROUP)), []
    except Exception:  # noqa: BLE001 - one damaged file of any package stops Python's own search
        found = list(_each_by_itself())
    damaged: list[EntryPoint | OwnPoint] = [point for point in found if not point.value]
    return _in_order(point for point in found if point.value), damaged


def own_version() -> str:
    """The version of supasync that is installed."""
    only = only_package(GROUP)
    if only is not None and only.name == OURS:
        return only.version
    from importlib.metadata import version  # noqa: PLC0415 - as above

    return version(OURS)


def package_of(point: EntryPoint | OwnPoint) -> str:
    """The package's name; empty where its metadata cannot be read."""
    if isinstance(point, OwnPoint):
        return OURS
    return "" if point.dist is None else _name(point.dist)


def origin_of(point: EntryPoint | OwnPoint) -> str:
    """The package and its version, as far as its metadata can be read, else the module."""
    if isinstance(point, OwnPoint):
        return f"{OURS} {point.version or own_version()}"
    try:
        version = point.dist.version if point.dist else ""
    except Exception:  # noqa: BLE001 - metadata may be damaged in any way
        version = ""
    return f"{package_of(point)} {version or ''}".strip() or point.value


def module_of(point: EntryPoint | OwnPoint) -> str:
    """The module that it names; what it says, where that is not a module's name."""
    return point.value.partition(":")[0].strip()


def file_of(module: str) -> Path | None:
    """The module's file; None where it is not found. The packages around it are imported."""
    try:
        spec = find_spec(module)
    except Exception:  # noqa: BLE001 - the package around it may fail in any way, and has been named for it
        return None
    return Path(spec.origin) if spec and spec.origin else None


def _each_by_itself() -> Iterator[EntryPoint]:
    """The entry points of one package after the other; one without a value for a damaged list of ours."""
    from importlib.metadata import EntryPoint, distributions  # noqa: PLC0415 - as above

    seen: set[str] = set()
    for package in distributions():
        if (name := _name(package)) in seen:
            continue  # the first on the path is the one that is imported
        seen.add(name)
        try:
            yield from (point for point in package.entry_points if point.group == GROUP)
        except Exception:  # noqa: BLE001 - as above
            if f"[{GROUP}]" in _text(package):
                yield EntryPoint(name, "", GROUP)


def _text(package: Distribution) -> str:
    try:
        return package.read_text("entry_points.txt") or ""
    except Exception:  # noqa: BLE001 - not UTF-8: whose it is cannot be said
        return ""


def _name(package: Distribution) -> str:
    try:
        return str(package.metadata["Name"] or "")
    except Exception:  # noqa: BLE001 - metadata may be damaged in any way
        return ""


def _in_order(points: Iterable[EntryPoint]) -> list[EntryPoint | OwnPoint]:
    """Our own plugins, then all others by package and name: who has a name first keeps it."""
    found = list(points)
    packages = {id(point.dist): point for point in found}
    several = len(packages) > 1  # a name costs reading all of a package's metadata
    names = {each: package_of(point) for each, point in packages.items() if several}

    def place(point: EntryPoint) -> tuple[bool, str, str]:
        package = names.get(id(point.dist), "")
        return package != OURS, package, point.name

    return [*sorted(found, key=place)]
