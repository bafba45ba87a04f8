"""A plugin in a file beside tables.yaml: where it may lie, and how it is imported."""

import importlib.util
from importlib.machinery import SourceFileLoader
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


def imported_file(path: Path) -> ModuleType:
    """The module in the file; PluginError where there is none."""
    if not path.is_file():
        raise PluginError("no such file")
    name = f"{LOCAL}{path.stem}"
    loader = _Source(name, str(path))
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    if spec is None or path.suffix != ".py":
        raise PluginError("it is not a Python file")
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module
