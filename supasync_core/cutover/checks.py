"""The checks before a switch, in their order. Each talks to protocols, and to the person."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any, Final

from supasync_core.api.journal import current
from supasync_core.api.plugin_fault import PluginFault
from supasync_core.api.project_check import ProjectCheck
from supasync_core.api.switch import Condition, Person, Switch
from supasync_core.cutover import app_env, proof
from supasync_core.cutover.activity import Activity, changes, observe
from supasync_core.cutover.app_env import AppEnv
from supasync_core.cutover.checklist import Check, Outcome, failed, ok, skipped
from supasync_core.cutover.saved_progress import SavedProgress, save
from supasync_core.cutover.set_sequences import SEQUENCES, WAY, set_sequences
from supasync_core.gap.send import COMMAND as GAP_IMPORT
from supasync_core.init import undecided
from supasync_core.model import timestamps
from supasync_core.model.finding import Finding
from supasync_core.model.level import PROBLEM
from supasync_core.model.printable import argument
from supasync_core.model.report import Report
from supasync_core.model.settings import Part
from supasync_core.model.wording import counted
from supasync_core.project.last_inventory import last
from supasync_core.project.lease import arriving
from supasync_core.project.migration import Migration
from supasync_core.project.project_checks import checks_of, found_by
from supasync_core.project.project_steps import found_by_step
from supasync_core.usage.listing_limit import within_limits
from supasync_core.verify import Verification

APART: Final = 60.0
"""Seconds between the two counts of OLD's rows; fewer where every overlap is shorter."""
_FETCHED: Final = 100
_ALREADY: Final = "the app's .env already names NEW: nothing is copied over what the app writes there"
_GONE: Final = "OLD gets no request after a gap import"


@dataclass
class CutoverContext:
    """What the checks work on. ``copy`` is one sync, ``compare`` one verification.

    ``after_gap``: OLD no longer answers, and its last rows came by gap import. ``app`` and ``verified`` are
    set by their checks. ``planning``: OLD gets no request.
    """

    migration: Migration
    switch: Switch
    person: Person
    progress: SavedProgress
    copy: Callable[[], Report]
    compare: Callable[[], Verification]
    after_gap: bool = False
    app: AppEnv | None = None
    conditions: dict[str, Condition] = field(default_factory=dict)
    activity: dict[str, dict[str, Any]] = field(default_factory=dict)
    planning: bool = False
    verified: Verification | None = None

    @property
    def switched(self) -> bool:
        """Whether the app already names the sink, so that nothing may be copied any more."""
        return self.app is not None and self.app.naming.switched

    def checks(self) -> Sequence[Check]:
        """All checks in their order; some find when they run that they do not apply."""
        before = ("env", "keys")
        stopped = (*before, "writers", "overlap")
        last = Check(
            name="gap" if self.after_gap else "sync",
            what="the last gap was imported completely"
            if self.after_gap
            else "a last sync copied everything",
            run=self._gap if self.after_gap else self._sync,
            rests_on=stopped,
            reads=self.after_gap,
        )
        later = (*stopped, last.name)
        return (
            Check(name="env", what="the app's .env can be switched", run=self._env, reads=True, vital=True),
            Check(name="keys", what="both keys of NEW work", run=self._keys, reads=True, rests_on=("env",)),
            Check(
                name="undecided",
                what="every table of OLD is copied or left out on purpose",
                run=self._undecided,
                reads=True,
            ),
            Check(name="writers", what="nothing writes to OLD", run=self._writers, rests_on=before),
            Check(name="overlap", what="late commits were waited for", run=self._overlap, rests_on=stopped),
            last,
            Check(name="quiet", what="OLD's rows do not change", run=self._quiet, rests_on=later),
            Check(name="quarantine", what="no row is quarantined", run=self._quarantine, reads=True),
            Check(name="verification", what="NEW has what OLD has", run=self._verification, rests_on=later),
            Check(
                name="values",
                what="values were compared where no run sees updates",
                run=lambda: proof.of_values(self.migration, self.verified, after_gap=self.after_gap),
                rests_on=("verification",),
                planned=proof.values_planned(self.migration),
            ),
            *self._of_account(),
            *self._of_others(later),
        )

    def _of_account(self) -> Iterator[Check]:
        """What was seen of both projects besides rows: it fails nothing, and the certificate has it."""
        if seen := last(self.migration.settings):
            detail = "; ".join(seen.lines) or "nothing"
            found = ok(f"seen {seen.age}: {detail}", at=seen.at, found=list(seen.lines))
            yield Check(
                name="account", what="what OLD has besides rows is known", run=lambda: found, reads=True
            )

    def _of_others(self, stopped: tuple[str, ...]) -> Iterator[Check]:
        """What the switch and plugins ask for besides."""
        for part in self.migration.settings.steps:
            what = f"NEW has OLD's {self.migration.host.steps.get(part.name).what}"
            yield Check(name=part.name, what=what, run=partial(self._of_step, part), rests_on=stopped)
        for name, what in self.switch.conditions.items():
            yield Check(name=name, what=what, run=partial(self._condition, name), reads=True)
        for name, (check, part) in checks_of(self.migration).items():
            if check.before_cutover:
                run = partial(self._of_plugin, check, part)
                yield Check(name=f"check:{name}", what=check.what, run=run, reads=True)

    def _of_step(self, part: Part) -> Outcome:
        if self.after_gap:
            return skipped(_GONE)
        return self._of_findings(found_by_step(self.migration, part, "prove", within_limits(self.migration)))

    def _of_plugin(self, check: ProjectCheck, part: Part) -> Outcome:
        asks_old = not (self.planning or self.after_gap)
        found = found_by(self.migration, check, part, asks_old=asks_old)
        if isinstance(found, PluginFault):
            return failed(found.sentence, f"correct the plugin, or pass --accept check:{part.name}")
        return self._of_findings(found)

    def _of_findings(self, found: Sequence[Finding]) -> Outcome:
        problems = [each for each in found if each.level == PROBLEM]
        detail = "; ".join(each.text for each in problems or found) or "nothing was found"
        texts = [each.text for each in found]
        if problems:
            hint = next((each.hint for each in problems if each.hint), None)
            return failed(detail, hint, found=texts)
        return ok(detail, found=texts)

    def _env(self) -> Outcome:
        self.app = app_env.plan(self.migration.settings, self.switch)
        if self.app is None:
            return skipped("tables.yaml has no cutover.env: give your app NEW's values yourself")
        if self.app.naming.switched:
            return ok("it already names NEW", **proof.of_app(self.app))
        changes = [f"{each.file.path}: {', '.join(each.done.changed)}" for each in self.app.due]
        return ok("; ".join(changes), **proof.of_app(self.app))

    def _keys(self) -> Outcome:
        found = list(self.switch.try_keys())
        detail = "; ".join(each.text for each in found)
        if all(each.holds for each in found):
            return ok(detail, how=[each.how for each in found])
        return failed(detail, next((each.hint for each in found if not each.holds and each.hint), None))

    def _undecided(self) -> Outcome:
        migration = self.migration
        if self.planning or self.after_gap:
            found = undecided.last_list(migration.settings)
        else:
            found = undecided.list_undecided(migration)
        return proof.of_undecided(found, migration.settings.ignore)

    def _writers(self) -> Outcome:
        if self.switched:
            return skipped(_ALREADY)
        known = None if self.person.scripted else self.progress.stopped_at
        earlier = f" You said so at {known}; is it still true?" if known else ""
        question = f"Has everything that writes to OLD stopped: the app, its workers, its cron jobs?{earlier}"
        agreed = self.person.confirm(question)
        self.progress.stopped_at = (known or timestamps.to_text(timestamps.now())) if agreed else None
        save(self.migration.settings.folder, self.progress)
        if not agreed:
            return failed("you answered no", "stop them, then run supasync cutover again")
        by = "--yes" if self.person.scripted else "a person"
        return ok(
            f"confirmed by {by}, since {self.progress.stopped_at}", by=by, since=self.progress.stopped_at
        )

    def _overlap(self) -> Outcome:
        stopped = self.progress.stopped_at
        if self.switched or self.after_gap or stopped is None:
            return skipped(_ALREADY if self.switched else _GONE)
        longest = self._longest_overlap()
        gone = max(0.0, (timestamps.now() - timestamps.parse(stopped)) / 1_000_000)
        if gone < longest:
            self.person.sleep(longest - gone, "transactions that began earlier may still commit")
        return ok(f"{max(gone, longest):,.0f} s after the writers stopped", seconds=max(gone, longest))

    def _longest_overlap(self) -> float:
        return max(table.overlap.total_seconds() for table in self.migration.settings.tables)

    def _sync(self) -> Outcome:
        if self.switched:
            return skipped(_ALREADY)
        if self._settled():
            return ok("every row was copied and verified earlier, and OLD has not changed since")
        report = self.copy()
        if not report.arrived:  # what was refused is a check of its own
            hint = next((table.hint for table in report.tables if table.hint), None)
            return failed(report.error or f"it ended with status {report.status}", hint)
        until = arriving(current(self.migration.store.past(1), self.migration.source_ref))
        if until and timestamps.parse(until) > timestamps.now():
            what = f"a run did not end cleanly: what it has sent may arrive in NEW until {until}"
            return failed(what, "wait until then, and run supasync cutover again")
        return ok(counted(report.records, "row", "rows"), run=report.run, records=report.records)

    def _settled(self) -> bool:
        """Whether nothing is left to copy: triggers that are on by now would change rows sent again."""
        before, self.progress.settled = self.progress.settled, None
        state = current(self.migration.store.past(1), self.migration.source_ref)
        if (
            before is None
            or state.quarantined()
            or before.keys() != {t.name for t in self.migration.settings.tables}
        ):
            return False
        return not changes(
            {name: Activity(**fields) for name, fields in before.items()}, observe(self.migration, state)
        )

    def _gap(self) -> Outcome:
        records = self.migration.store.past(_FETCHED).records
        return proof.of_gap(records, [table.name for table in self.migration.settings.tables], GAP_IMPORT)

    def _quiet(self) -> Outcome:
        if self.switched or self.after_gap:
            return skipped(_ALREADY if self.switched else _GONE)
        state = current(self.migration.store.past(1), self.migration.source_ref)
        first, began = observe(self.migration, state), time.monotonic()
        apart = min(APART, self._longest_overlap())
        self.person.sleep(apart, "then OLD's rows are counted again")
        second = observe(self.migration, state)
        apart = time.monotonic() - began
        found = changes(first, second)
        activity = {name: asdict(each) for name, each in second.items()}
        if not found:
            self.activity = activity
            blind = list(proof.updates_unseen(self.migration))
            but = f"; updates of {', '.join(blind)} would not be noticed" if blind else ""
            text = f"{counted(len(activity), 'table', 'tables')}, {apart:,.0f} s apart{but}"
            return ok(text, seconds=round(apart, 1), tables=activity, updates_unseen=blind)
        self.progress.stopped_at = None
        save(self.migration.settings.folder, self.progress)
        return failed("; ".join(found), "something still writes to OLD: stop it, then run cutover again")

    def _quarantine(self) -> Outcome:
        state = current(self.migration.store.past(1), self.migration.source_ref)
        waiting = state.quarantined()
        if not waiting:
            return ok("it is empty")
        shown = ", ".join(f"{name}: {number:,}" for name, number in waiting.items())
        return failed(f"NEW refused rows: {shown}", "list them: supasync quarantine list", tables=waiting)

    def _verification(self) -> Outcome:
        if self.after_gap:
            return skipped(f"not possible without OLD; instead: {self._gap().detail}")
        self.verified = found = self.compare()
        if found.settled and self.activity:
            self.progress.settled = self.activity
            save(self.migration.settings.folder, self.progress)
        return proof.of_verification(found)

    def _condition(self, name: str) -> Outcome:
        condition = (self.conditions or self._looked())[name]
        if name == SEQUENCES and condition.holds is False and not self.planning:
            condition = self._with_sequences_set(condition)
        text, hint = condition.text, condition.hint
        if condition.holds:
            return replace(ok(text, how=condition.how), hint=hint)
        if condition.holds is None:
            text = f"cannot be checked: {text}"
            accept = f"or check it yourself, and pass --accept {argument(condition.name)}"
            hint = "\n".join(filter(None, (hint, accept)))
        return failed(text, hint, sql=condition.sql, how=condition.how)

    def _looked(self) -> dict[str, Condition]:
        self.conditions = {each.name: each for each in self.switch.look(self.migration.settings.tables)}
        return self.conditions

    def _with_sequences_set(self, condition: Condition) -> Condition:
        """The condition after they were set; as it was, where nobody agrees or there is no connection."""
        done = set_sequences(self.migration, self.person, condition)
        if done is None:
            return replace(condition, hint="\n".join(filter(None, (condition.hint, WAY))))
        if not done:
            return condition
        found = self._looked()[condition.name]
        return replace(found, text=f"{found.text}: cutover has set them")
