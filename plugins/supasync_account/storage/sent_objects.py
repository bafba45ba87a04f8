"""What NEW has confirmed counts as copied once NEW shows it: it is looked up at the end of each run.

Few objects are asked for one by one, many by a listing of their bucket: both cost NEW alone. What a run that
was killed or stopped has sent is looked up by the next one.
"""
# ruff: noqa: S608 - the parts of statements are our own

from dataclasses import dataclass
from typing import Final

from supasync_account.storage.object_copy import NEWER
from supasync_account.storage.object_listing import StoredObject, looked_up
from supasync_account.storage.storage_errors import ObjectError
from supasync_account.storage.storage_plan import FEW, StoragePlan
from supasync_core.model import timestamps
from supasync_core.system.executors import executor

_PART: Final = 100
"""Asked for one by one are as many as this part of what the bucket has: a listing of it takes more bytes."""
_AT_ONCE: Final = 100
_UNSEEN: Final = "FROM kept.storage_objects AS k WHERE k.pair = ? AND k.bucket = ? AND k.unseen"
_NAMES: Final = f"SELECT k.name {_UNSEEN} ORDER BY k.name"
_NUMBER: Final = f"SELECT count(*) {_UNSEEN}"
_WRONG: Final = f"""
SELECT s.name, s.size, s.moment, l.name IS NOT NULL FROM (SELECT k.* {_UNSEEN}) AS s
LEFT JOIN (SELECT * FROM listed WHERE side = 'NEW' AND bucket = ?) AS l ON l.name = s.name
WHERE (l.size, l.mimetype, l.cache, l.etag) IS DISTINCT FROM
    (s.size, s.mimetype, s.cache, coalesce(nullif(s.new_etag, ''), s.md5))
ORDER BY s.name
"""
_SEEN: Final = "UPDATE kept.storage_objects SET unseen = false WHERE pair = ? AND bucket = ? AND unseen"
_LOST: Final = "NEW confirmed it and does not show it; the next run sends it again"
_OTHER: Final = f"NEW has another object than was sent; {NEWER}"


@dataclass(frozen=True, slots=True)
class SentObjects:
    """Looks up what was sent. ``since`` is when this run began, as its record has moments."""

    plan: StoragePlan
    since: str
    workers: int = 1

    def look_up(self, bucket: str) -> bool:
        """Forget and name what NEW does not show as it was sent; False where that was stopped before its end.

        TransientError where NEW does not answer: it is looked up later.
        """
        progress = self.plan.progress
        [(number,)] = progress.asked(_NUMBER, [progress.pair, bucket])
        if not number:
            return True
        few = number <= max(FEW, progress.number(bucket) // _PART)
        whole = self._ask(bucket) if few else self.plan.list("NEW", bucket)
        if whole:
            self._judge(bucket)
        return whole

    def _ask(self, bucket: str) -> bool:
        """Ask NEW for each of them; False where the run is to stop.

        Where it does not answer about one, its bucket is listed: that does not say that the object is gone.
        """
        progress = self.plan.progress
        progress.forget_listed("NEW", bucket)
        names = [name for (name,) in progress.asked(_NAMES, [progress.pair, bucket])]

        def one(name: str) -> list[StoredObject]:
            found = looked_up(self.plan.new, bucket, name)
            return [found[0]] if found else []

        try:
            with executor(self.workers, "storage-info") as pool:
                for at in range(0, len(names), _AT_ONCE):
                    if at and not self.plan.go_on():
                        return False
                    found = pool.map(one, names[at : at + _AT_ONCE])
                    progress.note("NEW", bucket, [each for some in found for each in some])
        except ObjectError:
            return self.plan.list("NEW", bucket)
        return True

    def _judge(self, bucket: str) -> None:
        progress, report = self.plan.progress, self.plan.report
        wrong = progress.asked(_WRONG, [progress.pair, bucket, bucket])
        for name, size, moment, there in wrong:
            if timestamps.parse(moment) >= timestamps.parse(self.since):
                report.copied -= 1
                report.copied_bytes -= size
            report.name(f"{bucket}/{name}", _OTHER if there else _LOST, "refused" if there else "later")
        if wrong:
            progress.drop(bucket, [name for name, *_ in wrong])
            progress.remember(bucket, mark=None)
        progress.asked(_SEEN, [progress.pair, bucket])
