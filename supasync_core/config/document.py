"""YAML as values that know their line and column; syntax errors are reported as problems.

Every scalar stays text until a setting reads it, so a column may be called ``on``, ``no`` or ``007``.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import yaml

from supasync_core.model.errors import ConfigError
from supasync_core.model.secret import Secret, looks_like_key, redact

Expand = Callable[[str], tuple[str | None, list[str]]]
"""A scalar's text with its references replaced, or None and what is wrong with them."""

_TAGS: Final = {
    f"tag:yaml.org,2002:{name}"
    for name in ("str", "int", "float", "bool", "null", "timestamp", "value", "merge", "seq", "map")
}
MOST: Final = 100
"""Problems that are listed at once."""
_LONGEST: Final = 1000
"""Characters of a problem."""
_VALUES: Final = 1_000_000
"""Values that a file may hold, those of an alias counted at each of its places."""
_NULL: Final = "tag:yaml.org,2002:null"
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_HALF: Final = "has half of a character (a lone surrogate)"
_KEY_ADVICE: Final = 'a key must not be in this file: put it into .env and write "${NAME}" here'
_ADVICE: Final = {
    "found character '\\t' that cannot start any token": "has a tab: indent YAML with spaces",
    "mapping values are not allowed here": "has a second colon: quote a text that has one, or fix the indent",
    "but found another document": "has a second document: the file may have only one",
}


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A place in a file, counted from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text as it is ``written``, and its ``value``; None where a problem has been reported for it."""

    at: Mark
    written: str
    value: str | None


@dataclass(frozen=True, slots=True)
class Nothing:
    """A value that was left empty."""

    at: Mark


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of values."""

    at: Mark
    items: tuple["Value", ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A value under a name, as it is written; ``at`` is the place of the name."""

    at: Mark
    name: str
    value: "Value"

    @property
    def places(self) -> dict[str, Mark]:
        """Where each text of a scalar or a list stands."""
        return {scalar.value: scalar.at for scalar in self._scalars if scalar.value}

    @property
    def settings(self) -> Mapping[str, "Entry"]:
        """The values by name that it holds; none where it is not a section."""
        return self.value.entries if isinstance(self.value, Section) else {}

    @property
    def sound(self) -> bool:
        """Whether no problem has been reported for a text of it yet."""
        if isinstance(self.value, Section):
            return all(entry.sound for entry in self.settings.values())
        return all(scalar.value is not None for scalar in self._scalars)

    @property
    def _scalars(self) -> list[Scalar]:
        items = self.value.items if isinstance(self.value, Listing) else (self.value,)
        return [item for item in items if isinstance(item, Scalar)]


@dataclass(frozen=True, slots=True)
class Section:
    """Values by name, in the order of the file."""

    at: Mark
    entries: Mapping[str, Entry]


Value = Scalar | Nothing | Listing | Section


class Problems:
    """The problems found so far, each ``path:line:column: place: sentence``, printed without any key.

    A file may have any number of them, of any length: reading ends at `MOST`.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.secrets: list[Secret] = []
        self._found: dict[tuple[str, Mark, str], None] = {}

    def __len__(self) -> int:
        return len(self._found)

    def add(self, at: Mark, place: str, sentence: str, *, path: str | None = None) -> None:
        """Add a problem; ``place`` is the dotted name of the setting, empty for the whole file."""
        self._found[path or self.path, at, f"{place}: {sentence}" if place else sentence] = None
        if len(self) > MOST:
            raise ConfigError([*self.lines()[:MOST], "and more problems: fix these first"])

    def lines(self) -> list[str]:
        """The problems in the order of their places, those of the main file first."""
        ordered = sorted(self._found, key=lambda found: (found[0] != self.path, found[0], found[1]))
        return [self.line(*found) for found in ordered]

    def line(self, path: str, at: Mark, text: str) -> str:
        """A sentence with its place."""
        return f"{path}:{at.line}:{at.column}: {self._shown(text)}"

    def _shown(self, text: str) -> str:
        shown = redact(text[: 10 * _LONGEST], self.secrets)
        return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]} ..."


def parse(text: str, expand: Expand, problems: Problems) -> Value | None:
    """The value of the text; None where it is empty or not YAML."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        return None if node is None else _Reader(expand, problems).value(node, "")
    except yaml.reader.ReaderError as err:
        before = text[: err.position]
        at = Mark(before.count("\n") + 1, err.position - before.rfind("\n"))
        problems.add(at, "", f"has a character that YAML does not allow: U+{err.character:04X}")
    except yaml.MarkedYAMLError as err:
        _add_syntax_error(err, text, problems)
    except RecursionError:
        problems.add(Mark(1, 1), "", "is nested too deeply")
    return None


class _Reader:
    """Turns YAML nodes into values; a node that several aliases share is read once."""

    def __init__(self, expand: Expand, problems: Problems) -> None:
        self.expand = expand
        self.problems = problems
        self.known: dict[int, Value] = {}
        self.held: dict[int, int] = {}
        self.values = 0
        self.unfinished: set[int] = set()

    def value(self, node: yaml.Node, place: str) -> Value:
        """The node's value, the same one for each alias."""
        at = _mark(node.start_mark)
        if id(node) in self.unfinished:
            return self._flawed(at, place, "contains itself through an alias")
        if id(node) in self.known:
            self._count(self.held[id(node)])
        else:
            before = self.values
            self._count(1)
            self.unfinished.add(id(node))
            self.known[id(node)] = self._read(node, at, place)
            self.unfinished.remove(id(node))
            self.held[id(node)] = self.values - before
        return self.known[id(node)]

    def _count(self, values: int) -> None:
        self.values += values
        if self.values > _VALUES:
            raise ConfigError(
                [f"{self.problems.path}: holds more than {_VALUES:,} values, aliases written out"]
            )

    def _read(self, node: yaml.Node, at: Mark, place: str) -> Value:
        if node.tag not in _TAGS:
            return self._flawed(at, place, f"the tag {node.tag} is not supported")
        if isinstance(node, yaml.MappingNode):
            return Section(at, self._entries(node, place))
        if isinstance(node, yaml.SequenceNode):
            return Listing(at, tuple(self.value(item, place) for item in node.value))
        if isinstance(node, yaml.ScalarNode) and node.tag == _NULL and not node.style:
            return Nothing(at)
        written = _joined(str(node.value))
        if written is None:
            return self._flawed(at, place, _HALF)
        return self._scalar(written, at, place)

    def _scalar(self, written: str, at: Mark, place: str) -> Scalar:
        if looks_like_key(written):
            return self._flawed(at, place, _KEY_ADVICE)
        value, flaws = self.expand(written)
        for flaw in flaws:
            self.problems.add(at, place, flaw)
        return Scalar(at, written, value)

    def _flawed(self, at: Mark, place: str, sentence: str) -> Scalar:
        self.problems.add(at, place, sentence)
        return Scalar(at, "", None)

    def _entries(self, node: yaml.MappingNode, place: str) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        for name_node, value_node in node.value:
            at = _mark(name_node.start_mark)
            name = self._name(name_node, at, place)
            if name is None:
                continue
            inner = f"{place}.{name}" if place else name
            if name in entries:
                self.problems.add(at, inner, f"is given twice, first on line {entries[name].at.line}")
            else:
                entries[name] = Entry(at, name, self.value(value_node, inner))
        return entries

    def _name(self, node: yaml.Node, at: Mark, place: str) -> str | None:
        if not isinstance(node, yaml.ScalarNode) or not node.value:
            self._flawed(at, place, "expected a name before the colon")
        elif node.tag == "tag:yaml.org,2002:merge":
            self._flawed(at, place, "<< is not supported: write common settings under defaults")
        elif (name := _joined(str(node.value))) is None:
            self._flawed(at, place, _HALF)
        else:
            return name
        return None


def _joined(text: str) -> str | None:
    """The text, whose characters JSON may have escaped as two halves; None where there is a half alone."""
    if text.isascii() or not _SURROGATE.search(text):
        return text
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        return None


def _add_syntax_error(err: yaml.MarkedYAMLError, text: str, problems: Problems) -> None:
    found = err.problem_mark or err.context_mark
    at = _mark(found) if found else Mark(1, 1)
    sentence = _ADVICE.get(err.problem or "")
    if sentence is None:
        begun = err.context_mark.line + 1 if err.context_mark else at.line
        context = f" ({err.context} from line {begun})" if begun != at.line else ""
        sentence = f"is not YAML: {err.problem}{context}"
    lines = text.splitlines()
    if at.line <= len(lines) and "${" in lines[at.line - 1]:
        sentence += '; write references in quotes: "${NAME}"'
    problems.add(at, "", sentence)


def _mark(mark: yaml.Mark) -> Mark:
    return Mark(mark.line + 1, mark.column + 1)
