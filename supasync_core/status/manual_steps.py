"""What a person does next, as exact commands in their order: those that a look at both sides shows."""

from collections.abc import Iterator
from dataclasses import dataclass

from supasync_core.status.preflight import Preflight

_PASTE = "paste what it prints into NEW's SQL editor"
_SCRIPTS = (
    (("state", "unknown", "older", "rowkey"), "", "supasync's own table, functions and columns in NEW"),
    (("identity",), " --identity", "identity columns accept OLD's numbers"),
    (("trigger",), " --triggers guard", "NEW's triggers ignore copied rows"),
    (
        ("reference", "circle"),
        " --foreign-keys off",
        "foreign keys that would keep rows out, until the switch",
    ),
)
"""The kinds of findings that a script of `schema sql` answers, its option, and what it is for."""


@dataclass(frozen=True, slots=True)
class Step:
    """One command, and what it is for."""

    command: str
    why: str


def steps(found: Preflight) -> list[Step]:
    """All of them, in order; before a baseline can be written also the call that writes it."""
    return [*_pasted(found), *_copied(found)]


def _pasted(found: Preflight) -> Iterator[Step]:
    for kinds, option, what in _SCRIPTS:
        about = [each for each in found.findings if each.kind in kinds]
        if about:
            tables = list(dict.fromkeys(each.table for each in about if each.table))
            named = f" ({', '.join(tables[:3])}{', ...' if len(tables) > 3 else ''})" if tables else ""  # noqa: PLR2004 - a line
            yield Step(f"supasync schema sql{option}", f"{_PASTE}: {what}{named}")
    if found.blind:
        yield Step(
            "supasync schema sql --horizon",
            "optional, into OLD's SQL editor; then horizon: true under source. Idle runs get cheap",
        )


def _copied(found: Preflight) -> Iterator[Step]:
    if not found.ready:
        yield Step("supasync setup", "again, when the problems are fixed")
    if any(each.kind == "made" for each in found.findings):
        yield Step("supasync reconcile clear", "the rows that NEW has of its own; look, then with --apply")
    yield Step("supasync sync", "the first load; run it again at any time")
    yield Step("supasync verify", "compare NEW with OLD")
    yield Step("supasync schedule cron", "the line for crontab -e; systemd and windows are there too")
