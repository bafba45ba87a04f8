"""A switch from its checks to its last step; killed anywhere, the next call continues from there."""

import subprocess
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TextIO

from supasync_core.api.journal import current
from supasync_core.cutover import app_env, certificate, checklist
from supasync_core.cutover.app_env import AppEnv
from supasync_core.cutover.checklist import Outcome
from supasync_core.cutover.checks import CutoverContext
from supasync_core.cutover.close_sink import switch_and_close
from supasync_core.cutover.saved_progress import SavedProgress, save
from supasync_core.model.errors import StateError
from supasync_core.model.secret import redact
from supasync_core.system import lock

PLANNED: Final = "planned"


@dataclass
class Switchover:
    """One call. ``show`` gets each outcome; ``place`` is the certificate's, if it is not beside the lock."""

    context: CutoverContext
    accepted: Collection[str]
    show: Callable[[Outcome], None]
    place: Path | None = None

    @property
    def progress(self) -> SavedProgress:
        """What this machine has saved of the switch."""
        return self.context.progress

    @property
    def folder(self) -> Path:
        """That of tables.yaml."""
        return self.context.migration.settings.folder

    def plan(self) -> tuple[Outcome, ...]:
        """Every check: those that only read are run, for the others it says what they would do."""
        self.context.planning = True
        checks = self.context.checks()
        checklist.refuse_unknown(checks, self.accepted)
        found: list[Outcome] = []
        for check in checks:
            if check.reads:
                found += checklist.run([check], self.accepted, self.show)
            else:
                outcome = Outcome(name=check.name, what=check.what, result=PLANNED, detail=check.planned)
                self.show(outcome)
                found.append(outcome)
        return tuple(found)

    def switch(self) -> bool:
        """Check, ask, switch and close; False where a check or the person says no.

        StateError where NEW is closed while the app's .env names OLD.
        """
        context = self.context
        checks = context.checks()
        checklist.refuse_unknown(checks, self.accepted)
        if self._done():
            return True
        if not self._begun():
            outcomes = checklist.run(checks, self.accepted, self.show)
            if not checklist.passed(outcomes):
                return False
            self.progress.checks = [outcome.as_json() for outcome in outcomes]
            self.progress.switched_at, self.progress.replaced, self.progress.steps = None, [], []
            self.progress.certificate = None
        if not context.person.confirm("Switch the app to NEW now, and close NEW to every later sync?"):
            return False
        switch_and_close(context.migration, self.progress, self._app(), context.person.say)
        self.certify()
        return True

    def run_own_steps(self, out: TextIO) -> None:
        """Run the user's own commands that have not run yet; StateError where one fails or is declined.

        What they print goes to ``out``. Nothing is run where another machine has switched.
        """
        if self.progress.closed_at is None:
            return
        settings = self.context.migration.settings
        for number, command in enumerate(settings.cutover.steps, 1):
            name = redact(f"{number}: {command}", settings.secrets)
            if name in self.progress.steps:
                continue
            again = "run supasync cutover again: it continues with this step"
            if not self.context.person.confirm(f"Run step {name}"):
                raise StateError(f"stopped before step {name}", hint=again)
            done = subprocess.run(command, shell=True, cwd=self.folder, stdout=out, check=False)  # noqa: S602 - the user's own
            if done.returncode:
                raise StateError(f"step {name} exited with {done.returncode}", hint=f"fix it, then {again}")
            self.progress.steps.append(name)
            save(self.folder, self.progress)
            self.certify()

    def certify(self) -> None:
        """Write the certificate, and save where it is."""
        if self.progress.certificate is None:
            stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
            own = lock.folder(self.folder) / f"cutover-{stamp}.json"
            self.progress.certificate = str((self.place or own).absolute())
            save(self.folder, self.progress)
        certificate.write(self.progress, Path(self.progress.certificate))

    def _done(self) -> bool:
        """Whether NEW is closed and the app names it."""
        context = self.context
        state = current(context.migration.store.past(1), context.migration.source_ref)
        if state.closed is None:
            return False
        app = self._app()
        if app and not app.switched:
            raise StateError(
                f"NEW was closed at {state.closed}, but {app.files[0].file.path} names OLD",
                hint="to copy rows of OLD again before another switch: supasync state reopen",
            )
        context.person.say(f"NEW was closed at {state.closed}: nothing is left to switch")
        if self.progress.checks and self.progress.closed_at is None:
            self.progress.closed_at, self.progress.stopped_at = state.closed, None
            self.certify()
        return True

    def _begun(self) -> bool:
        """Whether an earlier call passed its checks and replaced the app's .env, but got no further."""
        if self.progress.switched_at is None or not self.progress.checks or self.progress.closed_at:
            return False
        app = self._app()
        return bool(app and app.switched)

    def _app(self) -> AppEnv | None:
        self.context.app = app_env.plan(self.context.migration.settings, self.context.switch)
        return self.context.app
