"""The switch of an app between two places that a setting names, such as two files."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from supasync_core.api.switch import Condition, Ends, Line, ManualStep, Naming, Switch
from supasync_core.model.table import Table

_NO_CONDITIONS: Final[Mapping[str, str]] = {}


class BaseSwitch(Switch):
    """A switch with defaults: the variables of the app that hold a setting of OLD get that of NEW.

    A path counts as the same whether it is written as in tables.yaml or in full.
    """

    conditions: Mapping[str, str] = _NO_CONDITIONS

    def __init__(self, ends: Ends) -> None:
        self.ends = ends

    def naming(self, lines: Sequence[Line]) -> Naming:
        """The variables whose whole value is a setting of OLD; a problem where there is none of either."""
        old, new = self._forms(self.ends.source.values), self._forms(self.ends.sink.values)
        wanted = {line.name: new[old.index(line.value)] for line in lines if line.value in old}
        if wanted or any(line.value in new for line in lines):
            return Naming(wanted=wanted, switched=not wanted)
        return Naming(problems=(f"no variable names {old[0]} or {new[0]}: is it the app's .env?",))

    def try_keys(self) -> Iterator[Condition]:
        """Nothing has a key."""
        yield Condition(name="keys", holds=True, text="it needs none", how="not asked")

    def look(self, tables: Sequence[Table]) -> Iterator[Condition]:
        """Nothing: what must hold beyond rows is a subclass's to say, with its name in `conditions`."""
        return iter(())

    def manual_steps(self) -> Sequence[ManualStep]:
        """None."""
        return ()

    def close(self) -> None:
        """Nothing is open."""

    def _forms(self, values: Mapping[str, str]) -> list[str]:
        """Each setting as it is written and, where it is a path, in full; of both ends in the same order."""
        found = [(text, str((self.ends.folder / text).absolute())) for _, text in sorted(values.items())]
        return [form for forms in found for form in forms]
