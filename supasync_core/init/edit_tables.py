"""Changes of tables.yaml that leave every other character of it as it is.

A new text is compared with what was meant before anybody gets it: where an edit would change anything else,
or the file is written in a way that is not edited here, ConfigError says what to do by hand.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

import yaml
from yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode

from supasync_core.model.errors import ConfigError

_TABLES: Final = "tables"
_ABOUT: Final = re.compile(r"\r?\n[ \t]*#")
"""A comment on a line of its own."""


def with_entry(text: str, name: str, entry: str) -> str:
    """The text with this entry, two blanks before its name, below ``tables:``."""
    tables = _block(text, _TABLES)
    indent = tables.value[0][0].start_mark.column
    shifted = "\n".join(f"{' ' * (indent - 2)}{line}" if line else "" for line in entry.splitlines())
    at = _end(text, tables.value[-1])
    before, after = text[:at], text[at:]
    found = f"{before}\n{shifted}\n{after.removeprefix(chr(10))}" if after else f"{before}\n{shifted}\n"
    meaning = yaml.safe_load(entry)[name]
    return _checked(text, found, lambda document: document[_TABLES].update({name: meaning}))


def without_entry(text: str, name: str) -> str:
    """The text without the entry of that name, and without the comments in it."""
    tables = _block(text, _TABLES)
    pair = next(each for each in tables.value if each[0].value == name)
    begin = text.rfind("\n", 0, pair[0].start_mark.index + 1) + 1
    end = _end(text, pair)
    rest = text[end:].removeprefix("\n")
    return _checked(text, text[:begin] + rest, lambda document: document[_TABLES].pop(name))


def without_name(text: str, section: str, name: str) -> str:
    """The text without that name in a list of names; unchanged where it is not there."""
    found = _value(text, section)
    if not isinstance(found, SequenceNode):
        return text
    name = _escaped(name)
    item = next((each for each in found.value if each.value == name), None)
    if item is None:
        return text
    if found.flow_style and "#" in _source(text, found):
        begin, end = _within(text, found, item)
        new = text[:begin] + text[end:]
    elif found.flow_style:
        names = [each for each in found.value if each is not item]
        shown = f"[{', '.join(_source(text, each) for each in names)}]"
        new = text[: found.start_mark.index] + shown + text[found.end_mark.index :]
    else:
        begin = text.rfind("\n", 0, item.start_mark.index) + 1
        end = text.find("\n", item.end_mark.index) + 1 or len(text)
        while text[end:].lstrip(" ").startswith("#") and _column(text, end) > item.start_mark.column - 2:
            end = text.find("\n", end) + 1 or len(text)  # the rest of the reason that init wrote
        new = text[:begin] + text[end:]
    return _checked(text, new, lambda document: _less(document, section, name))


def _within(text: str, found: SequenceNode, item: Node) -> tuple[int, int]:
    """Where a name stands in a list in brackets, with its comma and the reason behind it; others' stay."""
    place = found.value.index(item)
    begin, end = item.start_mark.index, item.end_mark.index
    if place + 1 < len(found.value):
        following = found.value[place + 1].start_mark.index
        about = _ABOUT.search(text, end, following)  # the next name
        return begin, about.start() if about else following
    before = found.value[place - 1].end_mark.index if place else begin
    if "#" not in text[before:begin]:
        return before, end
    rest = text[end:].lstrip()
    return begin, len(text) - len(rest) + 1 if rest.startswith(",") else end


def with_name(text: str, section: str, name: str) -> str:
    """The text with that name in a list of names, which is made at the end where there is none."""
    name = _escaped(name)
    shown = yaml.safe_dump([name], default_flow_style=True, width=1 << 30).strip()[1:-1]
    found = _value(text, section)
    if found is None:
        new = f"{text.rstrip()}\n{section}: [{shown}]\n"
    elif isinstance(found, SequenceNode) and found.flow_style and "#" in _source(text, found):
        at = found.value[-1].end_mark.index if found.value else found.start_mark.index + 1
        new = f"{text[:at]}{', ' if found.value else ''}{shown}{text[at:]}"
    elif isinstance(found, SequenceNode) and found.flow_style:
        names = [_source(text, each) for each in found.value]
        listed = f"[{', '.join([*names, shown])}]"
        new = text[: found.start_mark.index] + listed + text[found.end_mark.index :]
    elif isinstance(found, SequenceNode):
        last = found.value[-1]
        end = text.find("\n", last.end_mark.index)
        end = len(text) if end < 0 else end
        new = f"{text[:end]}\n{' ' * found.start_mark.column}- {shown}{text[end:]}"
    elif isinstance(found, ScalarNode) and found.value:
        listed = f"[{_source(text, found)}, {shown}]"
        new = text[: found.start_mark.index] + listed + text[found.end_mark.index :]
    else:
        new = f"{text[: found.start_mark.index].rstrip(' ')} [{shown}]{text[found.end_mark.index :]}"
    return _checked(text, new, lambda document: _more(document, section, name))


def _checked(text: str, new: str, change: Callable[[dict[str, Any]], object]) -> str:
    """The new text, which means what the old one does but for the change."""
    wanted = yaml.safe_load(text)
    change(wanted)
    try:
        same = yaml.safe_load(new) == wanted
    except yaml.YAMLError:
        same = False
    if not same:
        raise _by_hand()
    return new


def _less(document: dict[str, Any], section: str, name: str) -> None:
    document[section] = [each for each in document[section] if each != name]


def _more(document: dict[str, Any], section: str, name: str) -> None:
    before = document.get(section) or []
    document[section] = [*([before] if isinstance(before, str) else before), name]


def _escaped(name: str) -> str:
    """The name as a list writes it, where ``${`` would be a reference."""
    return name.replace("${", "$${")


def _by_hand() -> ConfigError:
    return ConfigError(["tables.yaml is not written as supasync can edit it: change it by hand"])


def _root(text: str) -> MappingNode:
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(node, MappingNode):
        raise _by_hand()
    return node


def _value(text: str, section: str) -> Node | None:
    return next((value for key, value in _root(text).value if key.value == section), None)


def _block(text: str, section: str) -> MappingNode:
    """A section with an entry on each line."""
    found = _value(text, section)
    if not isinstance(found, MappingNode) or found.flow_style or not found.value:
        raise _by_hand()
    return found


def _end(text: str, pair: Sequence[Node]) -> int:
    """Where an entry ends: behind its last line, and behind comments that stand deeper than its name."""
    key, value = pair
    end = text.find(
        "\n", _last(value) if value.start_mark.index < value.end_mark.index else key.end_mark.index
    )
    while end >= 0:
        rest = text[end + 1 :]
        line = rest.partition("\n")[0]
        if not line.lstrip(" ").startswith("#") or _column(text, end + 1) <= key.start_mark.column:
            return end
        end = text.find("\n", end + 1)
    return len(text)


def _last(node: Node) -> int:
    """The end of what is written last in a node; of a block, YAML says that it ends before the next token."""
    children = [each for pair in node.value for each in pair] if isinstance(node, MappingNode) else []
    children = list(node.value) if isinstance(node, SequenceNode) else children
    if children and isinstance(node, CollectionNode) and not node.flow_style:
        return max(map(_last, children))
    return int(node.end_mark.index)


def _column(text: str, at: int) -> int:
    rest = text[at:]
    return len(rest) - len(rest.lstrip(" "))


def _source(text: str, node: Node) -> str:
    return text[node.start_mark.index : node.end_mark.index]
