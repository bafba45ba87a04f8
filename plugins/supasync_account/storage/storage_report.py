"""What became of buckets and objects: counts, and by name what a person should know."""

from dataclasses import dataclass, field
from typing import Any, Literal

from supasync_core.model.errors import ExitCode
from supasync_core.model.quantities import format_size
from supasync_core.model.wording import counted

Weight = Literal["note", "later", "refused"]
"""``later``: the next run tries again; ``refused``: a person is needed."""


@dataclass(frozen=True, slots=True)
class NamedObject:
    """A bucket, or an object as ``bucket/name``, and what is to be said of it."""

    name: str
    what: str
    weight: Weight

    @property
    def sentence(self) -> str:
        """The line that names it."""
        return f"{self.name}: {self.what}"


@dataclass
class StorageReport:
    """One copy of objects. ``objects`` and ``bytes`` are what OLD has in the buckets that are copied."""

    buckets: int = 0
    objects: int = 0
    bytes: int = 0
    copied: int = 0
    copied_bytes: int = 0
    equal: int = 0
    """Objects that NEW had already, as after a copy by hand."""
    deleted: int = 0
    gone: int = 0
    """Objects that OLD deleted and NEW still has."""
    repaired: int = 0
    """Objects that got OLD's owner and times by SQL."""
    left: int = 0
    left_bytes: int = 0
    """What ``max_per_run``, or the end of a run that was stopped, left for later runs."""
    interrupted: bool = False
    spared: bool = False
    """Whether objects are left because some before them failed in a row."""
    named: list[NamedObject] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def name(self, name: str, what: str, weight: Weight = "refused") -> None:
        """Say something of a bucket or an object."""
        self.named.append(NamedObject(name, what, weight))

    @property
    def refused(self) -> list[NamedObject]:
        """Those for which a person is needed."""
        return [each for each in self.named if each.weight == "refused"]

    @property
    def unfinished(self) -> list[NamedObject]:
        """Those that are not in NEW as they are in OLD."""
        return [each for each in self.named if each.weight != "note"]

    @property
    def sentence(self) -> str:
        """The line that sums it up."""
        copied = f"{counted(self.copied, 'object', 'objects')} copied ({format_size(self.copied_bytes)})"
        deleted = f", {self.deleted:,} deleted" if self.deleted else ""
        of = f"{self.objects:,} in {counted(self.buckets, 'bucket', 'buckets')}"
        return f"{copied}{deleted}; OLD has {of}, {format_size(self.bytes)}"

    @property
    def remarks(self) -> list[str]:
        """What else there is to know."""
        lines = list(self.notes)
        if self.equal:
            lines.append(f"{counted(self.equal, 'object was', 'objects were')} in NEW already, and equal")
        if self.left:
            what = f"{counted(self.left, 'object', 'objects')}, {format_size(self.left_bytes)},"
            later = "the next run" if self.interrupted or self.spared else "later runs by max_per_run"
            lines.append(f"{what} left for {later}")
        if self.gone:
            lines.append(f"{counted(self.gone, 'object', 'objects')} of NEW deleted in OLD")
        return lines

    @property
    def exit_code(self) -> int:
        """3 where a person is needed, 4 where the next run may do it."""
        if self.refused:
            return ExitCode.PERSON
        if self.interrupted:
            return ExitCode.INTERRUPTED
        return ExitCode.LATER if self.unfinished else ExitCode.DONE

    @property
    def counts(self) -> dict[str, Any]:
        """For the record of the run: numbers alone."""
        names = ("buckets", "objects", "bytes", "copied", "copied_bytes", "equal", "deleted", "gone", "left")
        more = {"repaired": self.repaired} if self.repaired else {}
        return {**{name: getattr(self, name) for name in names}, **more, "refused": len(self.refused)}

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        named = [{"name": each.name, "what": each.what, "weight": each.weight} for each in self.named]
        return {**self.counts, "interrupted": self.interrupted, "named": named, "notes": self.remarks}
