"""Objects that OLD deleted: named, or removed from NEW under the guards of rows.

Only what was copied from OLD and is still as it was copied is removed, after OLD was asked once more; never
more at once than a ceiling; and each is kept in the staging first, so that it can be put back.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from supasync_account.storage import Deletes
from supasync_account.storage.bucket_settings import there
from supasync_account.storage.kept_objects import LARGEST, KeptObjects
from supasync_account.storage.known_object import Known
from supasync_account.storage.object_listing import UNKNOWN, looked_up
from supasync_account.storage.storage_client import StorageClient, path_of
from supasync_account.storage.storage_errors import ObjectError
from supasync_account.storage.storage_progress import StorageProgress
from supasync_account.storage.storage_report import StorageReport
from supasync_core.api.registration import Fence
from supasync_core.model.quantities import format_size
from supasync_core.model.wording import counted

MOST: Final = 100
"""Objects of a bucket that are removed at once, or a twentieth of them where that is less, but always one."""
_PART: Final = 20


@dataclass(frozen=True, slots=True)
class ObjectDeletes:
    """What is done about objects of NEW that OLD has no more."""

    old: StorageClient
    new: StorageClient
    progress: StorageProgress
    fence: Fence
    report: StorageReport

    def run(self, bucket: str, gone: Mapping[str, Known], policy: Deletes) -> None:
        """Name those that are ``gone``, or remove those of them that may be."""
        if not gone or policy == "ignore":
            return
        if policy == "report":
            self.report.gone += len(gone)
            return
        total = self.progress.number(bucket)
        most = max(1, min(MOST, total // _PART))
        if len(gone) > most:
            self.report.gone += len(gone)
            what = (
                f"{counted(len(gone), 'object was', 'objects were')} deleted in OLD, and none of them in NEW"
            )
            self.report.name(bucket, f"{what}: the limit is {most} at a time")
            return
        if not there(self.old, bucket):
            self.report.name(bucket, "OLD does not show the bucket any more: nothing was deleted in NEW")
            return
        self._remove(bucket, gone)

    def _remove(self, bucket: str, gone: Mapping[str, Known]) -> None:
        kept = KeptObjects(self.progress, self.new, self.fence)
        removal = uuid4().hex[:12]
        for name, known in gone.items():
            shown = f"{bucket}/{name}"
            try:
                held = looked_up(self.new, bucket, name)
                if looked_up(self.old, bucket, name) is not None:
                    continue  # it is there again
                if held is None:
                    self.progress.drop(bucket, [name])
                elif not known.is_in(held[0]):
                    self._stays(shown, "it has changed in NEW")
                elif held[1] is UNKNOWN:
                    self._stays(shown, "NEW does not show its user metadata, and it could not be kept")
                elif held[0].size > LARGEST:
                    self._stays(shown, f"it is larger than {format_size(LARGEST)}, and could not be kept")
                else:
                    kept.keep(removal, bucket, held[0], held[1], known.md5)
                    self.fence.ask()
                    self.new.send("DELETE", path_of("object", bucket, key=name))
                    self.progress.drop(bucket, [name])
                    self.report.deleted += 1
            except ObjectError as err:
                self._stays(shown, err.message)

    def _stays(self, name: str, why: str) -> None:
        self.report.gone += 1
        self.report.name(name, f"deleted in OLD, not in NEW: {why}")
