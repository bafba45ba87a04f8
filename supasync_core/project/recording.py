"""Whatever writes a record is counted: the ledger goes into every one of them, in one place."""

from dataclasses import dataclass, replace

from supasync_core.api.backend import Clocked, Sink, Sized, Source
from supasync_core.api.state_store import Claim, Entry, Past, Run, StateStore
from supasync_core.model.cost import Ledger
from supasync_core.model.timestamps import Instant


@dataclass(frozen=True, slots=True)
class CountedStore:
    """A state store whose records say what a command has cost by then, and how large databases are."""

    store: StateStore
    ledger: Ledger
    source: Source
    sink: Sink

    def begin(self, claim: Claim) -> Run:
        """As the store does."""
        return self.store.begin(claim)

    def save(self, run_id: str, entry: Entry) -> bool:
        """Save the entry with its costs; the request that writes it is not among them."""
        total = self.ledger.total()
        details = {**entry.details, "costs": self.ledger.as_json()}
        ends = {"OLD": self.source, "NEW": self.sink}
        sizes = {name: end.database_bytes() for name, end in ends.items() if isinstance(end, Sized)}
        told = {name: size for name, size in sizes.items() if size is not None}
        if told:
            details["database_bytes"] = told
        counted = replace(entry, requests=total.requests, bytes=total.sent + total.received, details=details)
        return self.store.save(run_id, counted)

    def past(self, limit: int, since: str | None = None) -> Past:
        """As the store does."""
        return self.store.past(limit, since)

    def now(self) -> Instant | None:
        """As the store does; None where it has no clock of its own."""
        return self.store.now() if isinstance(self.store, Clocked) else None

    def close(self) -> None:
        """As the store does."""
        self.store.close()
