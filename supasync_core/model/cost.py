"""What a run cost: requests and wire bytes, by project and purpose."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from threading import Lock, local
from typing import Any


def as_count(number: object) -> int:
    """The number, where it is a count that PostgreSQL's bigint holds; else 0."""
    return number if type(number) is int and 0 <= number < 2**63 else 0


@dataclass(slots=True)
class Cost:
    """Requests made, and bytes sent and received on the wire (compressed as they travelled)."""

    requests: int = 0
    sent: int = 0
    received: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.requests + other.requests, self.sent + other.sent, self.received + other.received)

    @classmethod
    def from_json(cls, cost: Any) -> "Cost":  # noqa: ANN401 - JSON
        """One purpose of the ledger's JSON; nothing where it is something else."""
        numbers = (
            [cost.get(name) for name in ("requests", "sent", "received")] if isinstance(cost, dict) else ()
        )
        return cls(*map(as_count, numbers))


class Ledger:
    """Counts every request where it is made; nothing is estimated."""

    def __init__(self) -> None:
        self._costs: defaultdict[tuple[str, str], Cost] = defaultdict(Cost)
        self._lock = Lock()
        self._purpose: str | None = None
        self._own = local()

    @contextmanager
    def counted_as(self, purpose: str) -> Iterator[None]:
        """Count every request in here under this purpose, whatever it asks for."""
        self._purpose = purpose
        try:
            yield
        finally:
            self._purpose = None

    def add(self, project: str, purpose: str, *, sent: int, received: int) -> None:
        """Count one request of ``project`` (``OLD`` or ``NEW``), successful or not."""
        with self._lock:
            cost = self._costs[project, self._purpose or purpose]
            cost.requests += 1
            cost.sent += sent
            cost.received += received
        self._own.received = self.own_received() + received

    def own_received(self) -> int:
        """The bytes received in this thread so far."""
        return int(getattr(self._own, "received", 0))

    def total(self, project: str | None = None) -> Cost:
        """The sum over one project, or over both."""
        with self._lock:
            costs = [cost for (name, _), cost in self._costs.items() if project in (None, name)]
            return sum(costs, Cost())

    def received(self, purpose: str) -> dict[str, int]:
        """The bytes that each project has sent for this purpose."""
        with self._lock:
            return {name: cost.received for (name, what), cost in self._costs.items() if what == purpose}

    def as_json(self) -> dict[str, Any]:
        """``{"OLD": {"read": {"requests": 5, "sent": 0, "received": 1234}}}``."""
        answer: dict[str, dict[str, Any]] = {}
        with self._lock:
            costs = sorted(self._costs.items())
        for (project, purpose), cost in costs:
            answer.setdefault(project, {})[purpose] = asdict(cost)
        return answer
