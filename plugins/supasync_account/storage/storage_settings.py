"""What a person wants of Storage: which buckets, how much a run, and what about deletes."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from supasync_account.storage import POLICIES, Deletes
from supasync_core.model.quantities import parse_size

ALL: Final = "all"


@dataclass(frozen=True, slots=True)
class StorageSettings:
    """The section ``storage:``. ``exclude`` has buckets, and objects as ``bucket/name``; no buckets: all."""

    buckets: Collection[str] = ()
    exclude: Collection[str] = ()
    max_per_run: int | None = None
    deletes: Mapping[str, Deletes] = field(default_factory=dict)
    """By bucket; that of all others under ``all``."""

    @classmethod
    def of(cls, values: Mapping[str, str]) -> "StorageSettings":
        """As tables.yaml has them."""
        named = lines(values.get("buckets", ALL))
        return cls(
            () if named == [ALL] else named,
            lines(values.get("exclude", "")),
            parse_size(values["max_per_run"]) if "max_per_run" in values else None,
            policies(values.get("deletes", "")),
        )

    def includes(self, bucket: str) -> bool:
        """Whether the bucket is copied."""
        return bucket not in self.exclude and (not self.buckets or bucket in self.buckets)

    def policy(self, bucket: str) -> Deletes:
        """What is done about objects of it that OLD deleted."""
        return self.deletes.get(bucket) or self.deletes.get(ALL) or "report"


def lines(text: str) -> list[str]:
    """The texts of a list."""
    return [line for line in text.split("\n") if line]


def policies(text: str) -> dict[str, Deletes]:
    """The policies by bucket; a word alone is that of all."""
    found: dict[str, Deletes] = {}
    for line in lines(text):
        name, colon, word = line.rpartition(": ")
        policy = next((each for each in POLICIES if each == word), None)
        if policy:
            found[name if colon else ALL] = policy
    return found


def deletes_problem(value: str) -> str | None:
    """What is wrong with ``deletes:``."""
    wrong = [line for line in lines(value) if line.rpartition(": ")[2] not in POLICIES]
    if wrong:
        return f"must be one of {', '.join(POLICIES)}, or that by bucket: {{avatars: mirror, all: report}}"
    return None


def size_problem(value: str) -> str | None:
    """What is wrong with ``max_per_run:``."""
    return None if parse_size(value) else "must be a size such as 200MB"
