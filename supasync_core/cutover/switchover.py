"""A switch from its checks to its last step; killed anywhere, the next call continues from there."""

import subprocess
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Final, TextIO

from supasync_core.api.journal import current
from supasync_core.cutover import app_env, checklist, env_file
from supasync_core.cutover.app_env import AppEnv
from supasync_core.cutover.checklist import Outcome
from supasync_core.cutover.checks import CutoverContext
from supasync_core.cutover.saved_progress import Replaced, SavedProgress, save, write_certificate
from supasync_core.model.errors import LockedError, StateError, SupasyncError, TakenOverError
from supasync_core.model.secret import redact
from supasync_core.project.lease import Lease, leased
from supasync_core.project.migration import Migration
from supasync_core.project.project_steps import asked, context_of
from supasync_core.system import lock

PLANNED: Final = "planned"
COMMAND: Final = "cutover"


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
            if any(outcome.result == checklist.FAILED for outcome in outcomes):
                return False
            self.progress.checks = [outcome.as_json() for outcome in outcomes]
            self.progress.switched_at, self.progress.replaced, self.progress.steps = None, [], []
            self.progress.certificate = self.progress.back_at = None
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

    def finish_steps(self) -> bool:
        """What is left of steps beside the tables, each once, where a person agrees; False where one failed.

        The app names NEW by then, so a failure undoes nothing.
        """
        migration, person = self.context.migration, self.context.person
        if self.progress.closed_at is None or self.context.after_gap:
            return True
        whole = True
        for part in migration.settings.steps:
            if any(done.startswith(f"{part.name}: ") for done in self.progress.steps):
                continue
            try:
                done = asked(migration, part, "finish", context_of(migration, part), person.confirm)
            except SupasyncError as err:
                person.say(f"{part.name}: {err}; run supasync cutover again: it continues with this")
                whole = False
                continue
            if done:
                person.say(f"{part.name}: {done}")
                self.progress.steps.append(f"{part.name}: {done}")
                save(self.folder, self.progress)
                self.certify()
        return whole

    def certify(self) -> None:
        """Write the certificate, and save where it is."""
        if self.progress.certificate is None:
            stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
            own = lock.folder(self.folder) / f"cutover-{stamp}.json"
            self.progress.certificate = str((self.place or own).absolute())
            save(self.folder, self.progress)
        write_certificate(self.progress, Path(self.progress.certificate))

    def _done(self) -> bool:
        """Whether NEW is closed and the app names it."""
        context = self.context
        state = current(context.migration.store.past(1), context.migration.source_ref)
        if state.closed is None:
            return False
        app = self._app()
        if app and not app.naming.switched:
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
        return bool(app and app.naming.switched)

    def _app(self) -> AppEnv | None:
        self.context.app = app_env.plan(self.context.migration.settings, self.context.switch)
        return self.context.app


def switch_and_close(
    migration: Migration, progress: SavedProgress, app: AppEnv | None, say: Callable[[str], None]
) -> None:
    """Replace and close; LockedError where another run has the lease, or took it over meanwhile.

    Killed anywhere, it can be run again: a .env that already names the sink is left as it is.
    """
    with leased(migration, COMMAND) as lease:
        if progress.switched_at is None:
            progress.switched_at = lease.run.now
            counts = {table.name: migration.sink.count(table.whole()) for table in migration.settings.tables}
            progress.tables = counts
        save(migration.settings.folder, progress)
        if app:
            _replace(migration, progress, app, say)
        _close(lease, progress)


def _replace(migration: Migration, progress: SavedProgress, app: AppEnv, say: Callable[[str], None]) -> None:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    for each in app.due:
        file, raw = each.file, each.file.with_text(each.done.text)
        kept = env_file.keep(file, stamp)
        after = sha256(raw).hexdigest()
        replaced = Replaced(path=str(file.path), kept=str(kept), before=file.digest, after=after)
        progress.replaced.append(replaced)
        save(migration.settings.folder, progress)
        env_file.replace(file, raw)
        say(f"{file.path}: {', '.join(each.done.changed)} changed; the original is {kept}")


def _close(lease: Lease, progress: SavedProgress) -> None:
    checks = {each["name"]: each["result"] for each in progress.checks}
    try:
        lease.release("closed", replace(lease.state, closed=lease.run.now), details={"checks": checks})
    except TakenOverError as err:
        raise LockedError(
            "NEW is not closed yet: another run has taken over the lease",
            hint="run supasync cutover again at once: it continues from here",
        ) from err
    progress.closed_at, progress.stopped_at = lease.run.now, None
    save(lease.migration.settings.folder, progress)
