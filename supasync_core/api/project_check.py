"""A check of both projects that a plugin brings: run by `check` and `setup`, before a switch, or by both."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from supasync_core.api.registration import Setting, described, function_flaw, settings_flaw

if TYPE_CHECKING:
    from supasync_core.api.backend import Side, Source
    from supasync_core.model.finding import Finding
    from supasync_core.model.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckContext:
    """What a check looks at. It writes nothing: ``sink`` cannot be written to.

    ``tables`` are those of tables.yaml, parents first. ``source`` is None where OLD gets no request: in a
    plan of the switch, and after its last rows came by gap import.
    """

    settings: Mapping[str, str]
    folder: Path
    tables: "Sequence[Table]"
    source: "Source | None"
    sink: "Side"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectCheck:
    """A check that tables.yaml names under ``checks``. ``what`` must hold, in words.

    ``run`` returns what was found; nothing, if it holds. A finding of the level ``problem`` fails it.
    ``before_sync``: run by `check` and `setup`. ``before_cutover``: run before the switch, which does not
    happen where it fails, unless a person accepts it by ``check:NAME``.
    """

    what: str
    run: "Callable[[CheckContext], Iterable[Finding]]"
    settings: Mapping[str, Setting] = field(default_factory=dict)
    before_sync: bool = True
    before_cutover: bool = True


def check_flaw(thing: object) -> str | None:
    """Why this is not a check; None for a sound one."""
    if not isinstance(thing, ProjectCheck):
        return f"must be a ProjectCheck(...) from supasync_core.api.project_check, not {described(thing)}"
    if not isinstance(thing.what, str) or not thing.what:
        return f"its what must be a sentence, not {described(thing.what)}"
    if flaw := function_flaw(thing.run):
        return f"its run {flaw}"
    return settings_flaw(thing.settings)
