"""Reads settings by their declarations: what is valid becomes values, all else problems."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import UnionType
from typing import Any, Generic, TypeVar

from supasync_core.api.plugin_fault import Plugin, PluginFault, attempt, blamed, line_of
from supasync_core.api.plugin_host import Host
from supasync_core.api.registration import described
from supasync_core.api.registry import Registry, did_you_mean
from supasync_core.config.declarations import Field
from supasync_core.config.document import Entry, Mark, Problems, Section
from supasync_core.config.orders import ELSEWHERE, RULE
from supasync_core.config.table_declarations import OLD_NAMES
from supasync_core.config.value_kinds import Mismatch
from supasync_core.model.errors import PluginError, SupasyncError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Question(Generic[T]):
    """A call of a plugin's code, and what its answer must be: a ``kind``, ``wanted`` in words."""

    doing: str
    call: Callable[[], T]
    kind: type | UnionType
    wanted: str
    function: object = None
    """The plugin's function, where ``call`` is not made of that."""
    each: type = object
    """What the items of a list must be."""

    def flaw(self, answer: object) -> str | None:
        """What is wrong with the kind of the answer, or of an item in it; None for a sound one."""
        items = answer if isinstance(answer, list) else []
        wrong = [described(item) for item in items if not isinstance(item, self.each)]
        found = wrong if isinstance(answer, self.kind) else [described(answer)]
        return f"it returned {found[0]}, and must return {self.wanted}" if found else None


@dataclass(frozen=True, slots=True)
class Reading:
    """What every part of tables.yaml is read with: its folder, the known names, the problems so far.

    ``complete`` is False where a plugin file failed: an unknown name may come from that file.
    ``old_names`` are those that the file uses. A ``lenient`` reading takes a plugin that is not there for no
    problem: what it misses is in ``missing``.
    """

    folder: Path
    host: Host
    problems: Problems
    complete: bool = True
    old_names: dict[str, Mark] = field(default_factory=dict)
    lenient: bool = False
    missing: list[str] = field(default_factory=list)

    def add_missing(self, at: Mark, place: str, sentence: str) -> None:
        """Report what a plugin does not bring, or note it where others can do without."""
        if self.lenient:
            self.missing.append(self.problems.line(self.problems.path, at, f"{place}: {sentence}"))
        else:
            self.problems.add(at, place, sentence)

    def unknown(self, registry: Registry[Any], name: str) -> str | None:
        """The problem with a name that is not registered; None for a known name."""
        if name in registry or not self.complete:
            return None
        failed = [plugin.name for plugin in self.host.loaded if plugin.module is None]
        some = f"; {' and '.join(failed)} failed to load: see supasync plugins" if failed else ""
        return f"unknown {registry.kind} {name}{did_you_mean(name, registry)}{some}"

    def ask(
        self, plugin: Plugin, at: Mark, place: str, question: Question[T], *, shows_message: bool = True
    ) -> T | None:
        """What a plugin's code answers; None, and reported, where it fails or says what is wrong.

        A failure, and an answer of the wrong kind, is a fault of the plugin: the problem names it.
        """
        try:
            answer = attempt(
                plugin, question.doing, question.call, shows_message=shows_message, passes=(SupasyncError,)
            )
        except SupasyncError as err:
            self.problems.add(at, place, err.message)
            return None
        if not isinstance(answer, PluginFault) and (wrong := question.flaw(answer)):
            place_of_it = line_of(question.function or question.call)
            answer = blamed(plugin, question.doing, PluginError(wrong), place=place_of_it)
        if isinstance(answer, PluginFault):
            self.problems.add(at, place, answer.sentence)
            return None
        return answer

    def add_flaws(self, place: str, mismatch: Mismatch) -> None:
        """Report each flaw."""
        for at, sentence in mismatch.flaws:
            self.problems.add(at, place, sentence)

    def renamed(self, section: Section, place: str) -> Section:
        """A table's settings by their present names; one that is given by both names is a problem."""
        entries: dict[str, Entry] = {}
        for written, entry in section.entries.items():
            name = OLD_NAMES.get(written, written)
            if name != written:
                self.old_names.setdefault(written, entry.at)
            if name in entries:
                old = next(each for each, new in OLD_NAMES.items() if new == name)
                line = entries[name].at.line
                sentence = f"is given on line {line} already: {old} is the old name of {name}, keep {name}"
                self.problems.add(entry.at, f"{place}.{written}", sentence)
            else:
                entries[name] = entry
        return Section(section.at, entries)

    def add_unknown(self, entry: Entry, place: str, known: Collection[str]) -> None:
        """Report a setting that is none of those known."""
        meant = f": {RULE}" if entry.name in ELSEWHERE else did_you_mean(entry.name, known)
        self.problems.add(entry.at, place, f"unknown setting{meant}")

    def values(self, section: Section, at: Mark, place: str, fields: Sequence[Field]) -> dict[str, Any]:
        """The values that are present and valid; a missing required one is reported at ``at``."""
        known = {each.name: each for each in fields}
        found: dict[str, Any] = {}
        for name, entry in section.entries.items():
            inner = f"{place}.{entry.name}".lstrip(".")
            if name not in known:
                self.add_unknown(entry, inner, known)
                continue
            try:
                found[name] = known[name].parse(entry.value)
            except Mismatch as mismatch:
                self.add_flaws(inner, mismatch)
        for each in fields:
            if each.required and each.name not in section.entries:
                self.problems.add(at, f"{place}.{each.name}".lstrip("."), f"is missing: {each.meaning}")
        return found
