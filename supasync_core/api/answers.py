"""What a plugin's backend answers, checked where it enters the core: a wrong answer is the plugin's fault."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import wraps
from inspect import getattr_static, isfunction
from types import new_class
from typing import Any, TypeVar

from supasync_core.api.plugin_fault import Plugin, line_of
from supasync_core.api.registration import described
from supasync_core.model.batch import Batch
from supasync_core.model.copy_batch import CopyBatch
from supasync_core.model.errors import InternalError
from supasync_core.model.table import Shape

T = TypeVar("T")

_TEXTS = "not a sequence of texts"
_HINT = "report it to the author of the plugin: supasync plugins check finds such faults"


class WrongAnswerError(TypeError):
    """Not what the protocol has was returned; ``place`` is the file and line of what returned it."""

    def __init__(self, text: str, place: str | None = None) -> None:
        super().__init__(text)
        self.place = place


def checked(plugin: Plugin, side: T) -> T:
    """The same source or sink, whose wrong answers become an InternalError that names the plugin.

    It gets a class of its own, as in `one_at_a_time`.
    """
    kind = type(side)
    found = {name: getattr_static(kind, name, None) for name in _CHECKS}
    methods: dict[str, Any] = {
        name: _answering(plugin, name, each) for name, each in found.items() if isfunction(each)
    }
    hidden = getattr_static(side, "hidden", None)
    if isinstance(hidden, property) and hidden.fget:
        methods["hidden"] = property(_answering(plugin, "hidden", hidden.fget))
    elif isinstance(hidden, str):
        raise _internal(
            plugin, WrongAnswerError(f"hidden is a text, {_TEXTS}"), line_of(getattr(kind, "__init__", None))
        )
    with suppress(TypeError):  # an object whose class takes no heir stays as it is
        guarded = new_class(
            kind.__name__, (kind,), exec_body=lambda names: names.update(methods, __slots__=())
        )
        object.__setattr__(side, "__class__", guarded)
    return side


def refuse_other(doing: str, answer: object, place: str | None = None) -> None:
    """WrongAnswerError where this is not a batch of rows."""
    if flaw := _no_batch(answer):
        raise WrongAnswerError(f"{doing} returned {flaw}", place)


def _answering(plugin: Plugin, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    flaw_of = _CHECKS[name]
    place = line_of(method)

    def refuse_flaw(answer: object) -> None:
        if flaw := flaw_of(answer):
            raise _internal(plugin, WrongAnswerError(f"{name} returned {flaw}"), place)

    def each_of(answer: Iterable[object]) -> Iterator[object]:
        try:
            for batch in answer:
                refuse_other(name, batch)
                yield batch
        except WrongAnswerError as err:
            raise _internal(plugin, err, place) from err

    @wraps(method)
    def call(*arguments: object, **named: object) -> object:
        try:
            answer = method(*arguments, **named)
        except WrongAnswerError as err:
            raise _internal(plugin, err, place) from err
        refuse_flaw(answer)
        return each_of(answer) if name == "rows" else answer

    return call


def _internal(plugin: Plugin, err: WrongAnswerError, place: str | None) -> InternalError:
    return InternalError(f"internal error in {plugin.at(err.place or place)}: {err}", hint=_HINT)


def _no_batch(answer: object) -> str | None:
    if not isinstance(answer, Batch):
        return f"{described(answer)}, not a Batch"
    if isinstance(answer, CopyBatch):  # its JSON is made by the core itself
        return None
    try:
        texts = answer.rows.texts
        sound = all(bytes(texts.bytes_at(index)[:1]) == b"{" for index in range(len(texts)))
    except (ValueError, TypeError):
        sound = False
    return None if sound else "a Batch whose body is not a JSON array of objects, in bytes"


def _kind(kind: type, words: str) -> Callable[[object], str | None]:
    """What is wrong with an answer that is not of this kind."""
    return lambda answer: None if isinstance(answer, kind) else f"{described(answer)}, not {words}"


def _no_number(answer: object) -> str | None:
    is_number = isinstance(answer, int) and not isinstance(answer, bool)
    return None if is_number else f"{described(answer)}, not a whole number"


def _no_tables(answer: object) -> str | None:
    if not isinstance(answer, Mapping):
        return f"{described(answer)}, not a mapping of names to shapes"
    wrong = [each for each in answer.values() if not isinstance(each, Shape)]
    return f"a mapping to {described(wrong[0])}, not to shapes" if wrong else None


def _no_texts(answer: object) -> str | None:
    if isinstance(answer, str) or not isinstance(answer, Sequence):
        return f"{described(answer)}, {_TEXTS}"
    return None if all(isinstance(each, str) for each in answer) else _TEXTS


_CHECKS: Mapping[str, Callable[[Any], str | None]] = {
    "read": _no_batch,
    "read_in": _no_batch,
    "rows": _kind(Iterable, "an iterator of batches"),
    "count": _no_number,
    "shape": _kind(Shape, "a Shape"),
    "tables": _no_tables,
    "hidden": _no_texts,
    "schemas": lambda answer: None if answer is None else _no_texts(answer),
    "upsert": _no_number,
    "delete": _no_number,
}
"""What is wrong with an answer of a method, in words; None for a sound one."""
