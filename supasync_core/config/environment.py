"""References to the environment: ``${NAME}`` and ``${NAME:-default}``; ``$${`` is the text ``${``.

The process environment takes precedence over the file ``.env``; neither is changed. As in a shell, a default
also replaces an empty variable. Unlike in a shell, an empty variable without a default is a problem.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

from supasync_core.model.secret import Secret, Values
from supasync_core.system import descriptors

if TYPE_CHECKING:
    from dotenv.parser import Binding

_NAME: Final = r"[A-Za-z_][A-Za-z0-9_]*"
_REFERENCE: Final = re.compile(
    rf"(?P<escape>\$\$\{{)|\$\{{(?P<name>{_NAME})(?::-(?P<default>[^}}]{{0,1000}}))?\}}|(?P<broken>\$\{{)"
)
_LARGEST: Final = 1_000_000
"""Bytes; a larger file is no .env."""
LINE_END: Final = re.compile(r"(\r\n|\n|\r)")
LONE_REFERENCE: Final = re.compile(rf"\$\{{{_NAME}(?::-)?\}}")


@dataclass(frozen=True, slots=True)
class Environment:
    """Variables by name: those of the process, and those of a file .env."""

    process: Mapping[str, str]
    dotenv: Mapping[str, str]

    def expand(self, text: str) -> tuple[str | None, list[str]]:
        """The text with its references replaced, or None and the problem with each of them."""
        flaws: list[str] = []
        expanded = _REFERENCE.sub(lambda found: self._value(found, flaws.append), text)
        return (None if flaws else expanded), flaws

    def _value(self, found: re.Match[str], flaw: Callable[[str], None]) -> str:
        if found["escape"]:
            return "${"
        if found["broken"]:
            flaw("a reference is written ${NAME} or ${NAME:-default}; for the text ${ write $${")
            return ""
        name, default = found["name"], found["default"]
        value = self.process.get(name, self.dotenv.get(name, ""))
        if not value and default is None:
            flaw(self._missing(name))
        return value or default or ""

    def _missing(self, name: str) -> str:
        if name in self.process:
            return f"{name} is empty in the environment, which takes precedence over .env: set or unset it"
        state = "empty" if name in self.dotenv else "not set"
        return f"{name} is {state}: write {name}=... into the file .env beside tables.yaml"


def variables(environ: Mapping[str, str], dotenv: Mapping[str, str]) -> Values:
    """All variables by name, the process's before those of .env; no repr shows a value."""
    return Values({name: Secret(value) for name, value in {**dotenv, **environ}.items()})


def is_reference(text: str) -> bool:
    """Whether the text is one reference and nothing else, without a default of its own."""
    return LONE_REFERENCE.fullmatch(text) is not None


def read_dotenv(path: Path) -> tuple[dict[str, str], list[tuple[int, str]]]:
    """The variables of a file .env, empty without one, and its problems by line; no value is shown."""
    try:
        text = descriptors.read(path, _LARGEST, follow=True).decode("utf-8-sig")
    except FileNotFoundError:
        return {}, []
    except UnicodeDecodeError:
        return {}, [(1, "is not UTF-8 text: save it as UTF-8")]
    except OSError as err:
        return {}, [(1, f"cannot be read: {err.strerror}")]
    from dotenv.parser import parse_stream  # noqa: PLC0415 - not every folder has a .env

    bindings = list(parse_stream(StringIO(text)))
    values = {binding.key: binding.value for binding in bindings if binding.key and binding.value is not None}
    flaws = [(line_of(binding), "expected NAME=value") for binding in bindings if binding.error]
    return values, flaws


def line_of(binding: "Binding") -> int:
    """The line of a binding, whose text may begin with the empty lines before it."""
    lead = binding.original.string[: -len(binding.original.string.lstrip()) or None]
    return binding.original.line + len(LINE_END.findall(lead))
