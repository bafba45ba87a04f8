"""The steps that a run takes beside its tables, run apart from all else."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from supasync_core.api.function_door import FunctionSpeaking
from supasync_core.api.plugin_fault import PluginFault, attempt
from supasync_core.api.registration import Fence
from supasync_core.api.run_step import StepContext
from supasync_core.model.errors import InternalError, SupasyncError
from supasync_core.model.finding import Finding, failure
from supasync_core.model.settings import Part
from supasync_core.project.migration import Migration
from supasync_core.project.project_api import api_of
from supasync_core.project.sql_sessions import sql_session
from supasync_core.system.descriptors import undisturbed


def context_of(  # noqa: PLR0913 - what only a run knows
    migration: Migration,
    part: Part,
    *,
    fence: Fence | None = None,
    go_on: Callable[[], bool] = lambda: True,
    due: Callable[[timedelta], bool] = lambda _every: True,
    afford: Callable[[str, int], None] = lambda _project, _bytes: None,
    say: Callable[[str], None] = lambda _text: None,
) -> StepContext:
    """What the step works with; without a ``fence`` it may only look."""
    return StepContext(
        settings=part.settings,
        folder=migration.settings.folder,
        sql=partial(sql_session, migration),
        functions=partial(functions_of, migration),
        fence=fence or Fence(),
        go_on=go_on,
        due=due,
        api=partial(api_of, migration),
        ledger=migration.ledger,
        afford=afford,
        say=say,
        workers=migration.settings.workers,
        staging=migration.settings.staging,
        environment=migration.settings.environment,
    )


def functions_of(migration: Migration, project: str) -> FunctionSpeaking | None:
    """That side, where its API calls functions that were pasted into its database."""
    side = migration.source if project == "OLD" else migration.sink
    return side if isinstance(side, FunctionSpeaking) else None


def asked(migration: Migration, part: Part, method: str, context: StepContext, *more: object) -> Any:  # noqa: ANN401 - the step's
    """What ``run``, ``plan``, ``check``, ``prove`` or ``finish`` of the step answers.

    Errors of supasync pass; any other is an internal error that names the plugin.
    """
    step = migration.host.steps.get(part.name)
    plugin = migration.host.owner(migration.host.steps, part.name)
    with undisturbed():
        answer = attempt(
            plugin,
            f"failed in its step {part.name}",
            partial(getattr(step, method), context, *more),
            shows_message=not any(setting.secret for setting in step.settings.values()),
            passes=(SupasyncError,),
        )
    if isinstance(answer, PluginFault):
        raise InternalError(answer.sentence) from answer.error
    return answer


def found_by_step(
    migration: Migration, part: Part, method: str, go_on: Callable[[], bool] = lambda: True
) -> list[Finding]:
    """What ``check`` or ``prove`` of the step finds; an error is a problem of it, and no table's."""
    kind = f"step:{part.name}"
    try:
        found = list(asked(migration, part, method, context_of(migration, part, go_on=go_on)))
    except SupasyncError as err:
        return [replace(failure(err, kind), table=None, alone=True)]
    return [replace(each, kind=each.kind or kind, alone=True) for each in found]
