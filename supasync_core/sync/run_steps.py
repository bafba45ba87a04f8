"""What a run does before its tables and after them: each step fails alone."""

import time
from dataclasses import replace
from datetime import timedelta
from functools import partial

from supasync_core.model import timestamps
from supasync_core.model.errors import BudgetError, InternalError, LockedError, SupasyncError
from supasync_core.model.report import StepResult
from supasync_core.model.settings import Part
from supasync_core.project.project_steps import asked, context_of
from supasync_core.project.run_options import Interrupted, RunOptions
from supasync_core.sync.checkpoint import Checkpoint


def run_steps(checkpoint: Checkpoint, *, after: bool = False) -> None:
    """Take each step before the tables, or ``after`` them.

    Interrupted, BudgetError or LockedError end the run.
    """
    known = checkpoint.migration.host.steps
    for part in (each for each in checkpoint.options.steps if known.get(each.name).after == after):
        options = checkpoint.options.of_step()
        if not _goes_on(checkpoint, options):
            raise Interrupted
        began = time.monotonic()
        result = _result(checkpoint, options, part)
        result = replace(result, name=part.name, seconds=time.monotonic() - began)
        with checkpoint.lock:
            checkpoint.steps.append(result)
        if result.status == "interrupted":
            raise Interrupted


def _result(checkpoint: Checkpoint, options: RunOptions, part: Part) -> StepResult:
    migration = checkpoint.migration
    context = context_of(
        migration,
        part,
        fence=checkpoint.lease.beside,
        go_on=partial(_goes_on, checkpoint, options),
        due=partial(_is_due, checkpoint, part),
        afford=options.afford,
        say=options.say,
    )
    try:
        answer = asked(migration, part, "run", context)
        if not isinstance(answer, StepResult):
            raise InternalError(f"the step returned {type(answer).__name__}, and must return a StepResult")
    except (BudgetError, LockedError):
        raise
    except SupasyncError as err:
        error = f"{part.name}: {err.message}"
        return StepResult(status="failed", error=error, hint=err.hint, exit_code=err.exit_code)
    if answer.status in ("ok", "failed"):
        with checkpoint.lock:
            times = {**checkpoint.state.steps_at, part.name: checkpoint.run.now}
            checkpoint.state = replace(checkpoint.state, steps_at=times)
    return answer


def _is_due(checkpoint: Checkpoint, part: Part, every: timedelta) -> bool:
    """Whether the step last ended so long ago; half an interval less will do, as runs are never exact."""
    last = checkpoint.state.steps_at.get(part.name)
    if last is None or checkpoint.options.last:
        return True
    age = timestamps.parse(checkpoint.run.now) - timestamps.parse(last)
    return age >= timestamps.micros_of(every - checkpoint.migration.settings.interval / 2)


def _goes_on(checkpoint: Checkpoint, options: RunOptions) -> bool:
    options.check()
    checkpoint.lease.renew()
    return not options.interrupted()
