"""Misbehaviour on demand: rules that say which request goes wrong, and how."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from .messages import Request

Kind = Literal[
    "reset",  # close with RST before anything is done
    "reset-after",  # do it, commit, then close with RST without an answer
    "reset-body",  # answer, and break off in the middle of the body
    "truncate",  # as usual, but with the first half of the body alone, and a length that fits it
    "slow-body",  # the body in `pieces`, with `seconds` between them
    "hang",  # wait `seconds`, then close; nothing was done
    "hang-after",  # do it, commit, wait `seconds`, then close
    "delay",  # wait `seconds`, then answer as usual
    "answer",  # do nothing, answer `status` with `headers` and `body`
    "answer-after",  # do it, commit, then answer `status` with `headers` and `body`
    "redirect",  # answer 307 with Location `location`
    "max-rows",  # answer with another max-rows
    "too-large",  # 413 for a body of more than `bytes` bytes
    "clock",  # the Date header is `seconds` off
    "no-date",  # no Date header
    "page-total",  # Content-Range as a proxy computes it from the body: the total is that of the page
    "age",  # an Age header of `seconds`
    "hold-before",  # wait for `release` before doing anything
    "hold-after",  # do it, commit, then wait for `release` before answering
]


@dataclass
class Rule:
    """One fault: requests that match it, from the `nth` on, `times` times (None: always)."""

    kind: Kind
    method: str | None = None
    path: str | None = None  # regular expression, searched in the target with its query
    nth: int = 1
    times: int | None = 1
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    seconds: float = 0.0
    bytes: int = 0
    pieces: int = 4
    location: str = ""
    max_rows: int | None = None
    seen: int = 0

    def fires(self, request: Request) -> bool:
        """Count a matching request and tell whether the fault is due."""
        if self.method is not None and self.method != request.method:
            return False
        if self.path is not None and not re.search(self.path, request.asked):
            return False
        if self.kind == "too-large" and len(request.body) <= self.bytes:
            return False
        self.seen += 1
        return self.seen >= self.nth and (self.times is None or self.seen < self.nth + self.times)


def rule(values: dict[str, Any]) -> Rule:
    """Build a rule from its JSON; an unknown key or kind is an error."""
    unknown = set(values) - {item.name for item in fields(Rule)}
    if unknown:
        raise ValueError(f"unknown keys in a fault rule: {', '.join(sorted(unknown))}")
    if values["kind"] not in get_args(Kind):
        raise ValueError(f"unknown kind of fault: {values['kind']}")
    return Rule(**values)


class Faults:
    """The rules in force, and the requests that are held."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self.lock = threading.Condition()
        self.held = 0
        self.tickets = 0

    def add_all(self, rules: list[dict[str, Any]]) -> None:
        """Put rules in force, after those that are."""
        built = [rule(values) for values in rules]
        with self.lock:
            self.rules.extend(built)

    def clear(self) -> None:
        """Drop every rule and let held requests go on."""
        with self.lock:
            self.rules.clear()
        self.release()

    def due(self, request: Request) -> dict[str, Rule]:
        """Return the faults of a request by kind; the first of a kind wins."""
        with self.lock:
            fired = [rule for rule in self.rules if rule.fires(request)]
        return {rule.kind: rule for rule in reversed(fired)}

    def hold(self) -> None:
        """Wait until released."""
        with self.lock:
            ticket = self.tickets
            self.held += 1
            self.lock.notify_all()
            self.lock.wait_for(lambda: self.tickets > ticket)

    def release(self) -> None:
        """Let every held request go on."""
        with self.lock:
            self.tickets += 1
            self.held = 0
            self.lock.notify_all()

    def wait_held(self, count: int, seconds: float) -> bool:
        """Tell whether `count` requests are held within `seconds`."""
        with self.lock:
            return self.lock.wait_for(lambda: self.held >= count, seconds)
