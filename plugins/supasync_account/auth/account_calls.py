"""The door for accounts by a function that was pasted into the project: see `account_scripts`."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Self

from supasync_account.auth.account_answers import UnusableError, accounts_of, answered
from supasync_account.auth.account_columns import remembered
from supasync_account.auth.account_door import ADMITTED, Project, Step, Terms
from supasync_account.auth.account_extras import EXTRAS
from supasync_account.auth.account_queries import QUERIES
from supasync_account.auth.account_refusal import StrangeAnswerError
from supasync_account.auth.account_scripts import NAMES, VERSION
from supasync_account.auth.account_side import bounds
from supasync_core.api.function_door import FunctionSpeaking
from supasync_core.model.errors import NoFunctionError, RowError, SchemaError, SlowQueryError

PASTE: Final[Mapping[Project, str]] = {
    "OLD": "paste what supasync schema sql --auth --old prints into OLD's SQL editor",
    "NEW": "paste what supasync schema sql --auth prints into NEW's SQL editor",
}
_BY_GET: Final = 110
"""Ids that an address can name."""
_BY_POST: Final = 5_000
_COLUMNLESS: Final = ("columns", "records", "record_sums", "triggers")
"""Queries whose answer does not depend on the columns."""


@dataclass(slots=True)
class FunctionDoor:
    """An `AccountDoor`. ``ahead`` holds answers that were asked for together, each to be used once."""

    side: FunctionSpeaking
    project: Project
    asked: Mapping[str, Any] = field(default_factory=lambda: {"columns": []})
    ahead: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)
    largest: int = 4_000_000
    """Gateways take about 100 MB, and eight seconds of work."""

    @property
    def at_once(self) -> int:
        return _BY_GET if self.project == "OLD" else _BY_POST

    def shaped(self, asked: Mapping[str, Any]) -> Self:
        return type(self)(self.side, self.project, asked, self.ahead)

    def ask(self, query: str, *values: Any, table: str = "users") -> list[tuple[Any, ...]]:  # noqa: ANN401 - SQL's
        step = Step(query, values, table)
        known = self.ahead.pop(_known_by(step, self.asked.get("form", "")), None)
        if known is not None:
            return known
        [answer] = self._called([step], {**self.asked}, QUERIES[query].purpose)
        return answer

    def together(self, steps: Sequence[Step], terms: Terms) -> tuple[set[str], list[list[tuple[Any, ...]]]]:
        asked: dict[str, Any] = {**self.asked, "run": terms.run}
        if terms.allowed:
            asked["allowed"] = terms.allowed
        if terms.fires:
            asked["fires"] = True
        found = self._replied(steps, asked, "upsert")
        if "changed" in found:
            with self._usable():
                return accounts_of(found["changed"], terms.allowed), []
        return set(), self._rows(found, asked)

    def look_ahead(self, steps: Sequence[Step], asked: Mapping[str, Any]) -> list[list[tuple[Any, ...]]]:
        """Ask for all of these in one request; nothing where they have to be asked one by one.

        NoFunctionError where the function is not there.
        """
        try:
            return self._called(steps, dict(asked), "sql")
        except NoFunctionError:
            raise
        except SlowQueryError:
            return []
        except (SchemaError, RowError) as err:
            err.raise_if_of_the_project()
            return []

    def keep(self, steps: Sequence[Step], answers: Sequence[list[tuple[Any, ...]]], form: str) -> None:
        """Answer these steps by what was asked ahead, once each."""
        for step, answer in zip(steps, answers, strict=False):
            self.ahead[_known_by(step, form)] = answer

    def _called(
        self, steps: Sequence[Step], asked: dict[str, Any], purpose: str
    ) -> list[list[tuple[Any, ...]]]:
        return self._rows(self._replied(steps, asked, purpose), asked)

    def _replied(self, steps: Sequence[Step], asked: dict[str, Any], purpose: str) -> Mapping[str, Any]:
        """What the function says, which is of this version."""
        asked["steps"] = [[each.query, each.table, each.values] for each in steps]
        if all(each.query != "form" for each in steps):
            asked.pop("form", None)
        try:
            found = self.side.function(NAMES[self.project], asked, purpose)
        except NoFunctionError as err:
            what = f"{self.project} has no function {NAMES[self.project]} for accounts"
            raise err.amended(message=what, hint=PASTE[self.project], project=self.project) from None
        if not isinstance(found, dict) or found.get("version") != VERSION:
            raise SchemaError(
                f"{self.project}: the function {NAMES[self.project]} is of another version of supasync",
                hint=PASTE[self.project],
            )
        return found

    def _rows(self, found: Mapping[str, Any], asked: Mapping[str, Any]) -> list[list[tuple[Any, ...]]]:
        """The rows of each answer; SchemaError for a function that does not read all that is asked."""
        steps = asked["steps"]
        with self._usable():
            tables, answers = answered(found, [query for query, *_ in steps])
            if len(answers) != len(steps) and "remembered" not in asked:
                raise UnusableError
        lacking = [table for table, *_ in asked.get("columns", ()) if table not in tables]
        if lacking:
            settings = ", ".join(f"{each.setting}: copy" for each in EXTRAS if each.table in lacking)
            raise SchemaError(
                f"{self.project}: the function {NAMES[self.project]} was pasted without {', '.join(lacking)}",
                hint=f"write auth: {{{settings}}} into tables.yaml, then {PASTE[self.project]}",
            )
        return answers

    @contextmanager
    def _usable(self) -> Iterator[None]:
        """StrangeAnswerError for what is not an answer."""
        try:
            yield
        except UnusableError:
            raise StrangeAnswerError(
                f"{self.project}: {NAMES[self.project]} answered something that is not rows",
                hint=f"a proxy in front of the project may answer for it; or {PASTE[self.project]} again",
            ) from None


def hourly(old: FunctionSpeaking, new: FunctionSpeaking) -> tuple[FunctionDoor, FunctionDoor]:
    """Both doors, with all that an hour without changes needs: one request to NEW and one to OLD.

    What NEW remembers says of which columns the marks were made; OLD has them still, if nothing was updated.
    """
    there, here = FunctionDoor(old, "OLD"), FunctionDoor(new, "NEW")
    columns, sums = Step("columns", [list(ADMITTED)]), Step("sums", bounds())
    steps = [columns, Step("records"), Step("triggers", [list(ADMITTED)]), Step("record_sums"), sums]
    answers = here.look_ahead(steps, {"remembered": True})
    records = answers[1] if answers else []
    form = records[0][1] if records else None
    here.keep(steps, answers, form or "")
    asked = form and remembered(form)
    if asked:
        there.keep([columns, sums], there.look_ahead([columns, sums], asked), form or "")
    return there, here


def _known_by(step: Step, form: str) -> str:
    return json.dumps([step.query, step.table, list(step.values), "" if step.query in _COLUMNLESS else form])
