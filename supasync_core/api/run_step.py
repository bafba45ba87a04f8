"""A step that a run takes beside its tables, such as copying what rows refer to: a section of tables.yaml."""

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from supasync_core.api.registration import Fence, Setting, described, function_flaw, settings_flaw
from supasync_core.model.cost import Ledger

if TYPE_CHECKING:
    from supasync_core.api.function_door import FunctionSpeaking
    from supasync_core.api.sql_session import SqlSession
    from supasync_core.model.finding import Finding
    from supasync_core.model.report import StepResult
    from supasync_core.model.secret import Secret


@dataclass(frozen=True, slots=True)
class ApiAccess:
    """The address of a project's API, without a path, and its secret key."""

    url: str
    key: "Secret"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepContext:
    """What a step works with.

    ``sql`` opens a session on OLD (read-only) or NEW, None where that has no connection string.
    ``functions`` calls functions that were pasted into either, None where its API calls none. A step asks
    ``fence`` before each write, and ``go_on`` between two of them: it renews the lease, raises where a budget
    is used up, and is False where the run is to stop. What looks and does not write gets a fence of nobody.
    ``due`` is whether so long has passed since the step last ended in a run: where it has not, a step that is
    expensive may return a `StepResult` with the status ``not due``.

    ``api`` is how either project's API is asked, None where nothing names it. Whoever asks it counts that in
    the ``ledger``, and makes sure before a large answer: ``afford`` raises BudgetError where so many bytes
    more of a project exceed the month's budget. ``workers`` requests may be under way at once. ``staging`` is
    this machine's DuckDB file. ``say`` shows a line to a person while the step runs.
    """

    settings: Mapping[str, str]
    folder: Path
    sql: "Callable[[str], AbstractContextManager[SqlSession | None]]"
    functions: "Callable[[str], FunctionSpeaking | None]" = lambda _: None
    fence: Fence = field(default_factory=Fence)
    go_on: Callable[[], bool] = lambda: True
    due: Callable[[timedelta], bool] = lambda _every: True
    api: Callable[[str], ApiAccess | None] = lambda _project: None
    ledger: Ledger = field(default_factory=Ledger)
    afford: Callable[[str, int], None] = lambda _project, _bytes: None
    workers: int = 1
    staging: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    say: Callable[[str], None] = lambda _text: None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalContext:
    """What `init` knows while there is no tables.yaml: variables, and how either project's API is asked."""

    environment: Mapping[str, str]
    api: Callable[[str], ApiAccess | None]
    ledger: Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptAsked:
    """Which SQL is asked of a step: for ``OLD`` or ``NEW``, or what removes it again.

    ``settings`` are those of its section; none where tables.yaml has no such section.
    """

    project: str
    uninstall: bool
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStep:
    """A step that tables.yaml names by a section at its top level: ``auth: {}``. ``what`` it copies.

    ``run`` does it, under the lease, before the first table, or ``after`` the last one; a run of chosen
    tables leaves it out. An error of supasync that it raises is the step's own: the tables are copied all the
    same. ``plan`` says in a sentence what a run would do, for ``--dry-run``. ``check`` is run by `check` and
    `setup`, ``prove`` before a switch: a finding of the level ``problem`` fails it. They write nothing.
    """

    what: str
    run: "Callable[[StepContext], StepResult]"
    plan: Callable[[StepContext], str]
    check: "Callable[[StepContext], Iterable[Finding]]"
    prove: "Callable[[StepContext], Iterable[Finding]]"
    settings: Mapping[str, Setting] = field(default_factory=dict)
    fills: Collection[tuple[str, str]] = ()
    """The tables that it copies, by schema and name: a foreign key to one of them is satisfied by it."""
    after: bool = False
    finish: "Callable[[StepContext, Callable[[str], bool]], str | None]" = lambda _context, _confirm: None
    """What is left once the app is switched and NEW is closed: it asks a person by the second argument, and
    returns in a sentence what was done, None where nothing was. `cutover` calls it, until it returned one."""
    propose: "Callable[[ProposalContext], str]" = lambda _context: ""
    """The section as `init` writes it, with comments that say what it does; empty where OLD has nothing for
    it. An error of supasync that it raises becomes a note."""
    script: Callable[[ScriptAsked], str] | None = None
    """SQL that a person may paste for it: ``supasync schema sql --NAME``, with ``--old`` for OLD. It
    runs with an empty search path, which a line before it sets."""
    script_help: str = ""
    """What that option says of itself in ``--help``."""


def step_flaw(thing: object) -> str | None:
    """Why this is not a step; None for a sound one."""
    if not isinstance(thing, RunStep):
        return f"must be a RunStep(...) from supasync_core.api.run_step, not {described(thing)}"
    if not isinstance(thing.what, str) or not thing.what:
        return f"its what must be a sentence, not {described(thing.what)}"
    for name in ("run", "plan", "check", "prove", "finish", "propose"):
        if flaw := function_flaw(getattr(thing, name)):
            return f"its {name} {flaw}"
    if thing.script and (flaw := function_flaw(thing.script)):
        return f"its script {flaw}"
    return settings_flaw(thing.settings)
