"""What is proposed for one table: its settings and why, or why it cannot be copied."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from supasync_core.model.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """The settings of a table; ``reasons`` are by setting, and those settings are written out.

    ``remarks`` are what else is to be known of it. A ``refusal`` says why it cannot be copied as it is.
    ``monthly``: the bytes that reading all of it by every run costs, and ``instead`` what costs less.
    """

    table: Table
    reasons: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    refusal: str | None = None
    monthly: float = 0.0
    instead: "Proposal | None" = None
