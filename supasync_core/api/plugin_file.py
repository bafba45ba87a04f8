"""A plugin in a file beside tables.yaml: where it may lie, and how it is imported."""

import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from supasync_core.api.plugin_fault import LOCAL
from supasync_core.model.errors import PluginError
from supasync_core.model.printable import argument
from supasync_core.system import descriptors


def check_place(path: Path, folder: Path) -> None:
    """PluginError for a file outside of the folder, or one that others may write to: it is code."""
    if not path.is_relative_to(folder):
        raise PluginError(f"{path}: is not in {folder}: put the plugin beside tables.yaml")
    between = [each for each in path.parents if each.is_relative_to(folder)]
    for place in (path, *between):
        if place.exists() and (flaw := descriptors.others_may_write(place, folder)):
            raise PluginError(f"{place}: {flaw}, and it is code: chmod go-w {argument(str(place))}")


class _Source(SourceFileLoader):
    """Runs the file that people read: bytecode that lies beside it may be another program."""

    def get_code(self, fullname: str) -> CodeType:
        """Of the text, each time."""
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


class _Beside(MetaPathFinder):
    """Finds the modules and packages in the folder of a plugin file, after all that is installed.

    So none of them can stand in for a module that supasync or a library imports. Each is code, as the plugin
    file is, so the same is asked of its place, and its text is run.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module's file in the folder, if there is one."""
        del path, target  # a package of the folder has no path of its own: others would look there first
        place = self.folder.joinpath(*fullname.split("."))
        for file in (place / "__init__.py", place.with_name(f"{place.name}.py")):
            if file.is_file():
                check_place(file.resolve(), self.folder.resolve())
                spec = importlib.util.spec_from_file_location(
                    fullname, file, loader=_Source(fullname, str(file))
                )
                if spec is not None and spec.submodule_search_locations is not None:
                    spec.submodule_search_locations = []
                return spec
        return None


def imported_file(path: Path) -> ModuleType:
    """The module in the file, which may import those beside it; PluginError where there is none."""
    if not path.is_file():
        raise PluginError("no such file")
    name = f"{LOCAL}{path.stem}"
    loader = _Source(name, str(path))
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    if spec is None or path.suffix != ".py":
        raise PluginError("it is not a Python file")
    folder = path.parent.absolute()
    if not any(isinstance(finder, _Beside) and finder.folder == folder for finder in sys.meta_path):
        sys.meta_path.append(_Beside(folder))
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module
