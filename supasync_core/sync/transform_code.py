"""Whether a transform is the one that rows were copied with: its code, what that imports, what it holds.

A digest can cover what is written down beside the transform: the file that defines it, the files of the user
that this one imports, the values that the function or object itself holds. It cannot cover what is looked up
elsewhere while rows are changed (other packages, data files, the environment), which the documentation says.
"""

import ast
import functools
import hashlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path, PurePath
from types import FunctionType, MethodType, ModuleType
from uuid import UUID

from supasync_core.model.transform import Transform

_PLAIN = (type(None), bool, int, float, complex, str, bytes, Decimal, date, time, timedelta, UUID)
_INSTALLED = ("site-packages", "dist-packages")
_known: dict[int, tuple[Transform, str, tuple[str, ...]]] = {}


def digest(transform: Transform) -> str:
    """Another one whenever the code or the settings of the transform have changed."""
    return _described(transform)[0]


def unknown(transform: Transform) -> tuple[str, ...]:
    """What it holds whose changes the digest does not show, by type."""
    return _described(transform)[1]


def _described(transform: Transform) -> tuple[str, tuple[str, ...]]:
    """Looked at once in a process: what a transform holds may change while rows pass through it."""
    if id(transform) not in _known:
        held = _Held()
        settings = held.text(transform)
        path = _file(transform)
        texts = [each.read_bytes().replace(b"\r\n", b"\n") for each in _files(path)] if path else []
        files = sorted(hashlib.sha256(text).hexdigest() for text in texts)
        if path is None:
            held.strange.setdefault("code that has no file", None)
        text = "\n".join([settings, *files])
        known = hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()[:16]
        _known[id(transform)] = transform, known, tuple(held.strange)
    _, found, strange = _known[id(transform)]
    return found, strange


def _file(value: object) -> Path | None:
    """The file that defines a function, or the class of an object."""
    value = inspect.unwrap(value) if callable(value) else value
    if isinstance(value, functools.partial):
        return _file(value.func)
    if isinstance(value, MethodType):
        value = value.__func__
    if isinstance(value, FunctionType):
        path = Path(value.__code__.co_filename)
        return path if path.is_file() else None
    kind = value if isinstance(value, type) else type(value)
    methods = (each for each in vars(kind).values() if isinstance(each, FunctionType))
    return next((path for path in map(_file, methods) if path), None)


def _files(path: Path) -> set[Path]:
    """The file and those of the same user or package that it imports, and so on."""
    found, waiting = set[Path](), [path.resolve()]
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting += _imported(each)
    return found


def _imported(path: Path) -> Iterator[Path]:
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, OSError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names, folder = [alias.name for alias in node.names], None
        elif isinstance(node, ast.ImportFrom):
            names = [".".join(filter(None, (node.module, alias.name))) for alias in node.names]
            folder = path.parents[node.level - 1] if node.level else None
        else:
            continue
        for name in names:
            yield from _modules(name.split("."), folder or _beside(path, name))


def _beside(path: Path, name: str) -> Path | None:
    """The folder below which a module of that name belongs to whoever wrote the file; None for others."""
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names or top.startswith("supasync"):
        return None
    root = next(each for each in path.parents if not (each / "__init__.py").is_file())
    if root.name in _INSTALLED:
        return root if path.relative_to(root).parts[0] == top else None
    for folder in (path.parent, root):
        if (folder / f"{top}.py").is_file() or (folder / top / "__init__.py").is_file():
            return folder
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    origin = Path(spec.origin) if spec and spec.has_location and spec.origin else None
    if origin is None or any(part in _INSTALLED for part in origin.parts):
        return None
    return origin.parents[origin.name == "__init__.py"]


def _modules(parts: list[str], folder: Path | None) -> Iterator[Path]:
    """The files of a dotted name below the folder: of its packages, and of the module itself."""
    for count in range(1, len(parts) + 1) if folder else ():
        place = Path(folder or "", *parts[:count])
        for path in (place.with_name(place.name + ".py"), place / "__init__.py"):
            if path.is_file():
                yield path.resolve()


class _Held:
    """What an object holds, as a text that is the same in every process; ``strange`` is what has none."""

    def __init__(self) -> None:
        self.strange: dict[str, None] = {}
        self._open: list[int] = []

    def text(self, value: object) -> str:
        """The value and everything in it."""
        if isinstance(value, _PLAIN):
            return f"{type(value).__name__} {value!r}"
        if id(value) in self._open:
            return "itself"
        self._open.append(id(value))
        try:
            return self._parts(value)
        finally:
            self._open.pop()

    def _parts(self, value: object) -> str:  # noqa: PLR0911 - one answer for each kind
        match value:
            case Enum() | type():
                return f"{getattr(value, '__qualname__', type(value).__qualname__)} {value!s}"
            case ModuleType():
                return value.__name__
            case PurePath():  # the same folder lies elsewhere on another machine
                return f"path {value.name}"
            case re.Pattern():
                return f"{value.pattern!r} {value.flags}"
            case Mapping():
                pairs = sorted(f"{self.text(key)}: {self.text(each)}" for key, each in value.items())
                return f"{type(value).__qualname__} {pairs}"
            case list() | tuple():
                return f"{type(value).__qualname__} {[self.text(each) for each in value]}"
            case set() | frozenset():
                return f"{type(value).__qualname__} {sorted(map(self.text, value))}"
        return self._callable(value) or self._object(value)

    def _callable(self, value: object) -> str | None:
        match value:
            case functools.partial():
                return f"partial {self.text([value.func, value.args, value.keywords])}"
            case MethodType():
                return f"{self.text(value.__func__)} of {self.text(value.__self__)}"
            case FunctionType():
                cells = [cell.cell_contents for cell in value.__closure__ or () if _is_filled(cell)]
                held = [value.__defaults__, value.__kwdefaults__, cells]
                return f"{value.__qualname__} {[self.text(each) for each in held]}"
        if isinstance(inner := getattr(value, "__wrapped__", None), FunctionType):
            return f"{type(value).__qualname__} {self.text(inner)}"
        return None

    def _object(self, value: object) -> str:
        kind = type(value)
        if not _is_users(kind):
            self.strange.setdefault(kind.__qualname__, None)
            return kind.__qualname__
        names = [name for each in kind.__mro__ for name in _slots(each)]
        held = {
            **getattr(value, "__dict__", {}),
            **{n: getattr(value, n) for n in names if hasattr(value, n)},
        }
        return f"{kind.__qualname__} {self.text(held)}"


def _is_users(kind: type) -> bool:
    """Whether the class is written by whoever wrote the transform: others may hold what is never the same."""
    module = sys.modules.get(kind.__module__)
    path = Path(getattr(module, "__file__", None) or "")
    installed = any(part in _INSTALLED for part in path.parts)
    return not installed and kind.__module__.partition(".")[0] not in sys.stdlib_module_names


def _slots(kind: type) -> tuple[str, ...]:
    slots = vars(kind).get("__slots__", ())
    return (slots,) if isinstance(slots, str) else tuple(slots)


def _is_filled(cell: object) -> bool:
    try:
        cell.cell_contents  # type: ignore[attr-defined]  # noqa: B018 - empty ones raise
    except ValueError:
        return False
    return True
