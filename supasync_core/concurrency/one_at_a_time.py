"""What a backend opened, for one thread at a time: a connection that two use at once mixes their answers."""

from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from functools import wraps
from inspect import getattr_static, isfunction
from threading import RLock
from types import new_class
from typing import Any, TypeVar

T = TypeVar("T")
_ANY_TIME = "flush"
"""What a `Buffered` sink guards itself: it is called under the lease, for which another's turn may wait."""
Turn = AbstractContextManager[Any]


def one_at_a_time(side: T) -> T:
    """The same object, whose public methods wait for each other; of a generator, each step does.

    It gets a class of its own, so that neither slots nor a frozen dataclass stand in the way.
    """
    kind, turn = type(side), RLock()
    public = (name for name in dir(kind) if not name.startswith("_") and name != _ANY_TIME)
    found = {name: getattr_static(kind, name) for name in public}
    methods = {name: _in_turn(method, turn) for name, method in found.items() if isfunction(method)}
    guarded = new_class(kind.__name__, (kind,), exec_body=lambda names: names.update(methods, __slots__=()))
    object.__setattr__(side, "__class__", guarded)
    return side


def _in_turn(method: Callable[..., Any], turn: Turn) -> Callable[..., Any]:
    @wraps(method)
    def call(*arguments: object, **named: object) -> object:
        with turn:
            answer = method(*arguments, **named)
        return _steps(answer, turn) if isinstance(answer, Generator) else answer

    return call


def _steps(answer: Iterator[Any], turn: Turn) -> Iterator[Any]:
    while True:
        with turn:
            try:
                item = next(answer)
            except StopIteration:
                return
        yield item
        del item  # there is room for the next one once nobody holds this one
