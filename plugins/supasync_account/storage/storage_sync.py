"""Storage from OLD to NEW: private buckets, objects, rules of buckets, then what OLD deleted."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, partial
from typing import Final

from supasync_account.storage import bucket_settings
from supasync_account.storage.bucket_privacy import BucketPrivacy
from supasync_account.storage.bucket_settings import (
    NAME_OTHERS,
    PROJECT_LIMIT,
    UNNAMED,
    Bucket,
    buckets,
    is_bare,
    is_ours,
)
from supasync_account.storage.buckets_apart import BucketsApart
from supasync_account.storage.doubted_copies import disproved, has_md5, has_other_etags
from supasync_account.storage.known_object import Known
from supasync_account.storage.object_copy import NEWER, Copier, Task
from supasync_account.storage.object_deletes import ObjectDeletes
from supasync_account.storage.old_answers import Mark, OldAnswers
from supasync_account.storage.read_allowance import ReadAllowance
from supasync_account.storage.sent_objects import SentObjects
from supasync_account.storage.storage_client import StorageClient
from supasync_account.storage.storage_errors import ObjectError
from supasync_account.storage.storage_plan import StoragePlan
from supasync_account.storage.storage_progress import EVERYWHERE, StorageProgress
from supasync_account.storage.storage_report import StorageReport
from supasync_account.storage.storage_settings import StorageSettings
from supasync_account.storage.storage_transfer import StorageTransfer, sizes
from supasync_core.api.registration import Fence
from supasync_core.model import timestamps
from supasync_core.model.errors import StateError
from supasync_core.model.printable import visible
from supasync_core.model.quantities import format_size
from supasync_core.model.wording import counted

_DAY: Final = 86_400_000_000
_BLIND: Final = "a key that may not see them is answered in the same way: is it the secret key?"


@dataclass
class StorageSync:
    """One copy of the buckets that the settings name. ``say`` hears the estimate before the first object."""

    old: StorageClient
    new: StorageClient
    progress: StorageProgress
    settings: StorageSettings
    fence: Fence = field(default_factory=Fence)
    accept_newer: bool = False
    go_on: Callable[[], bool] = lambda: True
    afford: Callable[[str, int], None] = lambda _project, _bytes: None
    workers: int = 1
    say: Callable[[str], None] = lambda _text: None
    repair: Callable[[str, StorageProgress, StorageReport], None] = lambda _bucket, _progress, _report: None
    """Called with each bucket whose objects have been copied."""
    answers: OldAnswers = field(default_factory=OldAnswers)
    """What OLD's database says without a listing."""
    afresh: bool = False
    """Whether NEW is compared with what was copied, and not once a day."""
    report: StorageReport = field(default_factory=StorageReport)
    _theirs: dict[str, Bucket] = field(default_factory=dict)
    _ours: dict[str, Bucket] = field(default_factory=dict)
    _listed: set[str] = field(default_factory=set)
    _compared: set[str] = field(default_factory=set)
    _marks: Mapping[str, Mark] = field(default_factory=dict)

    def planned(self) -> list[Task]:
        """What would be copied; nothing is written. An error of one bucket is raised: no sum is true then."""
        self._look()
        self._leave_out(self._privacy.waiting(self._theirs, self._ours))
        tasks = self._tasks(made=set())
        if self._apart.failed:
            raise self._apart.failed[0]
        return tasks

    def run(self) -> StorageReport:
        """Copy what is new and changed; an error that concerns a whole project is raised."""
        self._look()
        self._leave_out(self._privacy.tightened(self._theirs, self._ours))
        disproved(self.progress)
        since = timestamps.to_text(timestamps.now())
        made = {name for name in self._theirs if name not in self._ours}
        self._leave_out(self._apart.run("made", sorted(made), self._make))
        made &= self._theirs.keys()
        tasks = self._ordered(self._not_exposed(self._tasks(made=made)))
        number, size = sizes(tasks)
        if number:
            what = f"{counted(number, 'object', 'objects')} to copy: {format_size(size)} of OLD's egress"
            most = self.settings.max_per_run
            spread = f", at most {format_size(most)} of them in this run" if most and size > most else ""
            self.say(f"storage: {what}{spread}")
        transfer = StorageTransfer(
            self._copier(),
            self.progress,
            self.report,
            self.go_on,
            ReadAllowance(partial(self.afford, "OLD"), self.settings.max_per_run),
            self.workers,
            self.say,
        )
        if not self.report.interrupted:
            try:
                transfer.run(tasks)
            finally:
                if transfer.first_left:
                    self.progress.remember(EVERYWHERE, first_left=transfer.first_left)
        if not (self.report.interrupted or transfer.stopped):
            self._copy_again(transfer)
        if not self.report.interrupted:
            self._look_up_sent(since)
        if not self.report.interrupted:
            self._settle(made)
        return self.report

    def _make(self, name: str) -> None:
        self.progress.remember(name, made=True)
        bucket_settings.make(self.new, self._theirs[name], self.fence)

    def _not_exposed(self, tasks: list[Task]) -> list[Task]:
        """Without those of buckets that wait: OLD made them private while they were listed."""
        copied = {each.bucket for each in tasks}
        self._leave_out(self._privacy.exposed_by_now(copied) if copied else ())
        return [each for each in tasks if each.bucket in self._theirs]

    def _ordered(self, tasks: list[Task]) -> list[Task]:
        """First the one that the last run left, so that each has its turn, whatever NEW refuses."""
        first = self.progress.of_bucket(EVERYWHERE).get("first_left")
        at = next((number for number, task in enumerate(tasks) if task.shown == first), 0)
        if first:
            self.progress.remember(EVERYWHERE, first_left=None)
        return tasks[at:] + tasks[:at]

    @cached_property
    def _apart(self) -> BucketsApart:
        return BucketsApart(self.progress, self.report)

    def _copier(self) -> Copier:
        known = {"old_md5": has_md5(self.progress), "other_etags": has_other_etags(self.progress)}
        return Copier(self.old, self.new, self.fence, self.progress, self._refuse_private, **known)

    def _refuse_private(self, bucket: str) -> None:
        """ObjectError for what changed in a bucket that OLD has made private since this run began."""
        if self._theirs[bucket].public:
            self._privacy.refuse_private(bucket)

    @property
    def _privacy(self) -> BucketPrivacy:
        return BucketPrivacy(
            self.old, self.new, self.progress, self.report, self.fence, accept_newer=self.accept_newer
        )

    def _leave_out(self, waiting: Collection[str]) -> None:
        """Copy, delete and change nothing of these buckets in this run."""
        self._theirs = {name: each for name, each in self._theirs.items() if name not in waiting}

    def _copy_again(self, transfer: StorageTransfer) -> None:
        """What was copied before anything proved that its bytes were not OLD's, as OLD lists it."""
        wrong = [each for each in disproved(self.progress) if each.bucket in self._theirs]
        tasks: list[Task] = []

        def look(bucket: str) -> None:
            if bucket in self._listed or self._plan().list("OLD", bucket):
                of_it = {each.listed.name: each for each in wrong if each.bucket == bucket}
                there = self.progress.shown("OLD", bucket, list(of_it))
                tasks.extend(replace(of_it[name], listed=listed) for name, listed in there.items())

        self._leave_out(self._apart.run("again", sorted({each.bucket for each in wrong}), look))
        if tasks:
            what = counted(len(tasks), "object was copied again", "objects were copied again")
            self.report.notes.append(f"{what}: OLD sent other bytes than its ETag says")
            transfer.run(tasks)

    def _look_up_sent(self, since: str) -> None:
        """What NEW has confirmed and does not show was not copied."""
        sent = SentObjects(self._plan(), since, self.workers)

        def look_up(bucket: str) -> None:
            self.report.interrupted = self.report.interrupted or not sent.look_up(bucket)

        self._leave_out(self._apart.run("looked_up", self._theirs, look_up))

    def _look(self) -> None:
        """Both sides' buckets; StateError where OLD's are gone altogether."""
        self._marks = self.answers.marks() or {}
        marked = {name: each.bucket for name, each in self._marks.items()}
        odd: list[str] = []
        found = marked or buckets(self.old, odd.append)
        self._ours = buckets(self.new, lambda _id: None)
        for name in (each for each in odd if self.settings.includes(each)):
            self.report.name(repr(name), f"{UNNAMED}; {NAME_OTHERS}")
        self._theirs = {name: each for name, each in found.items() if self.settings.includes(name)}
        self.report.buckets = len(self._theirs)
        known = self.progress.number()
        if not (found or odd) and known:
            raise StateError(
                f"OLD shows no buckets, and {counted(known, 'object was', 'objects were')} copied from there",
                hint=_BLIND,
            )
        if not (found or odd):
            self.report.notes.append(f"OLD shows no buckets; {_BLIND}")
        lacking = [name for name in self.settings.buckets if name not in found]
        if lacking:
            self.report.notes.append(f"OLD has no bucket of the name {visible(', '.join(lacking))}")
        for name, number in self.progress.buckets().items():
            if name not in found:
                what = counted(number, "object that was copied stays", "objects that were copied stay")
                self.report.notes.append(f"OLD has no bucket {visible(name)} any more: {what} in NEW")

    def _plan(self) -> StoragePlan:
        return StoragePlan(
            self.old,
            self.new,
            self.progress,
            self.report,
            self.settings.exclude,
            accept_newer=self.accept_newer,
            metadata=self.answers.metadata,
            largest=cache(partial(bucket_settings.largest, self.new)),
            go_on=self.go_on,
        )

    def _tasks(self, made: set[str]) -> list[Task]:
        plan = self._plan()
        found: list[Task] = []
        unchanged = [name for name in self._theirs if self._is_unchanged(name)]
        self.report.objects += sum(self._marks[name].objects for name in unchanged)
        self.report.bytes += sum(self._marks[name].bytes for name in unchanged)

        def look(bucket: str) -> None:
            if not self.report.interrupted:
                found.extend(self._tasks_of(plan, bucket, empty=bucket in made or bucket not in self._ours))

        self._leave_out(
            self._apart.run("listed", [name for name in self._theirs if name not in unchanged], look)
        )
        return found

    def _tasks_of(self, plan: StoragePlan, name: str, *, empty: bool) -> list[Task]:
        whole = plan.list("OLD", name) and (empty or not self._is_due(name) or plan.list("NEW", name))
        number, size = self.progress.counted("OLD", name)
        self.report.objects += number
        self.report.bytes += size
        if name in self._marks and number < self._marks[name].objects:
            what = f"OLD's listing shows {number:,} of {self._marks[name].objects:,} in its database"
            self.report.name(name, what, "later")
        if not whole:
            self.report.interrupted = True
            return []
        self._compare(name, empty=empty)
        found = plan.tasks(name, made=empty, listed=name in self._compared)
        self._listed.add(name)
        return found

    def _is_due(self, bucket: str) -> bool:
        """Whether NEW's bucket is to be compared with what was copied: always by hand, else once a day."""
        at = self.progress.of_bucket(bucket).get("compared")
        return self.afresh or at is None or timestamps.now() - timestamps.parse(at) > _DAY

    def _compare(self, bucket: str, *, empty: bool) -> None:
        """Forget copies that NEW has lost or changed, so that they are looked at again."""
        if empty:
            self.progress.forget_listed("NEW", bucket)
        elif not self._is_due(bucket):
            return
        else:
            self._compared.add(bucket)
        self.progress.forget_stale(bucket)
        self.progress.remember(bucket, compared=timestamps.to_text(timestamps.now()))

    def _settle(self, made: set[str]) -> None:
        """Rules and deletes of each bucket whose objects have been copied."""
        deletes = ObjectDeletes(self.old, self.new, self.progress, self.fence, self.report)

        def settle(bucket: str) -> None:
            self.repair(bucket, self.progress, self.report)
            if bucket in self._listed:  # what was not listed to its end is not gone
                deletes.run(bucket, self._gone(bucket), self.settings.policy(bucket))
            if not self.report.left:
                self._give_rules(self._theirs[bucket], made=bucket in made)
            if bucket in self._listed and self._is_whole(bucket):
                self.progress.remember(bucket, mark=self._mark(bucket))

        self._apart.run("settled", self._theirs, settle)

    def _is_unchanged(self, bucket: str) -> bool:
        """Whether all of it was copied, and OLD's digest of it is the one of then."""
        known = self.progress.of_bucket(bucket).get("mark") if bucket in self._ours else None
        return known is not None and not self._is_due(bucket) and known == self._mark(bucket)

    def _is_whole(self, bucket: str) -> bool:
        """Whether nothing of it is left to be done or said, so that it need not be listed again."""
        names = [each.name for each in self.report.unfinished]
        named = any(name == bucket or name.startswith(f"{bucket}/") for name in names)
        return not (named or self.report.left or self._gone(bucket))

    def _gone(self, bucket: str) -> dict[str, Known]:
        """What OLD has deleted, without what is left out on purpose."""
        found = self.progress.gone(bucket)
        return {name: each for name, each in found.items() if f"{bucket}/{name}" not in self.settings.exclude}

    def _mark(self, bucket: str) -> str | None:
        """OLD's digest, with what was left out on purpose; None where OLD says none."""
        mark = self._marks.get(bucket)
        excluded = sorted(each for each in self.settings.exclude if each.startswith(f"{bucket}/"))
        return None if mark is None else "\n".join([mark.digest, *excluded])

    def _give_rules(self, bucket: Bucket, *, made: bool) -> None:
        """Give NEW's bucket OLD's settings, unless somebody has changed them there."""
        there = self._ours.get(bucket.id)
        known = self.progress.of_bucket(bucket.id)
        differ = ["public"] if there is None else there.differs(bucket)
        if there is not None and not differ:
            if known.get("settings") != bucket.settings:
                self.progress.remember(bucket.id, settings=bucket.settings)
            return
        ours = made or self.accept_newer or is_ours(there, known)
        if not ours:
            what = f"its settings differ in NEW, and were not changed: {', '.join(differ)}; {NEWER}"
            self.report.name(bucket.id, what)
            return
        if made and is_bare(bucket):
            self.progress.remember(bucket.id, settings=bucket.settings)
            return
        if not self._privacy.may_apply(bucket, there):
            return
        try:
            bucket_settings.apply(self.new, bucket.id, bucket.settings, self.fence)
        except ObjectError as err:
            hint = PROJECT_LIMIT if err.kind == "too large" else err.message
            self.report.name(bucket.id, f"its settings were not taken over: {hint}")
        else:
            self.progress.remember(bucket.id, settings=bucket.settings)
