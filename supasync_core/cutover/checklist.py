"""A checklist that runs: small named checks, each with its outcome; a failed one may be accepted by name."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from supasync_core.api.registry import did_you_mean
from supasync_core.model import timestamps
from supasync_core.model.errors import ConfigError, SupasyncError

OK: Final = "ok"
FAILED: Final = "failed"
ACCEPTED: Final = "accepted"
SKIPPED: Final = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a check ended: ``ok``, ``failed``, ``accepted`` or ``skipped``, why, when, and by which evidence.

    ``evidence`` is JSON for the certificate. ``sql`` would make the check pass.
    """

    name: str = ""
    what: str = ""
    result: str
    detail: str
    hint: str | None = None
    at: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    sql: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The outcome for the certificate."""
        names = ("name", "what", "result", "detail", "hint", "at", "evidence")
        return {name: value for name in names if (value := getattr(self, name)) not in (None, {})}


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check: ``what`` must hold. It is skipped where a check that it ``rests_on`` failed.

    ``reads``: a plan runs it, and then it neither writes nor waits nor asks; of others it says ``planned``.
    ``vital``: it cannot be accepted.
    """

    name: str
    what: str
    run: Callable[[], Outcome]
    rests_on: tuple[str, ...] = ()
    reads: bool = False
    planned: str = "not run by a plan"
    vital: bool = False


def ok(detail: str, **evidence: object) -> Outcome:
    """The check holds."""
    return Outcome(result=OK, detail=detail, evidence=evidence)


def failed(detail: str, hint: str | None = None, *, sql: str | None = None, **evidence: object) -> Outcome:
    """The check does not hold."""
    return Outcome(result=FAILED, detail=detail, hint=hint, evidence=evidence, sql=sql)


def skipped(detail: str, **evidence: object) -> Outcome:
    """The check does not apply here."""
    return Outcome(result=SKIPPED, detail=detail, evidence=evidence)


def refuse_unknown(checks: Sequence[Check], accepted: Collection[str]) -> None:
    """ConfigError where --accept names no check, or a vital one."""
    known = {check.name: check for check in checks}
    problems = [
        f"--accept {name}: unknown check {name}{did_you_mean(name, known)}"
        if name not in known
        else f"--accept {name}: this check cannot be skipped"
        for name in accepted
        if name not in known or known[name].vital
    ]
    if problems:
        raise ConfigError(problems)


def run(
    checks: Sequence[Check], accepted: Collection[str], shown: Callable[[Outcome], None]
) -> tuple[Outcome, ...]:
    """Run the checks in their order; an error of supasync is a failure of its check."""
    done: list[Outcome] = []
    stopped: set[str] = set()
    for check in checks:
        missing = [name for name in check.rests_on if name in stopped]
        if missing:
            waiting = skipped(f"not run: waits for {', '.join(missing)}")
            outcome = replace(waiting, name=check.name, what=check.what)
        else:
            outcome = _judged(check, accepted)
        if missing or outcome.result == FAILED:
            stopped.add(check.name)
        done.append(outcome)
        shown(outcome)
    return tuple(done)


def _judged(check: Check, accepted: Collection[str]) -> Outcome:
    try:
        outcome = check.run()
    except SupasyncError as err:
        outcome = failed(str(err), err.hint)
    result = ACCEPTED if outcome.result == FAILED and check.name in accepted else outcome.result
    at = timestamps.to_text(timestamps.now())
    return replace(outcome, name=check.name, what=check.what, result=result, at=at)
