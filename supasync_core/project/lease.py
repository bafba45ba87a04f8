"""The right to write to the sink: taken, renewed before every write, released with the record of the run.

No row is sent under a lease that another run may have: the fence is asked before every request that changes
rows. What a run has sent last may still arrive after its death, when the next one has written newer rows: a
statement waits for a lock, a machine wakes in the middle of a request. So a run notes in the state that it
writes before it does, and the note goes with its last save. A run that finds the note of another treats what
that one may have read as a transaction of the source that is still open: see `taken_over`.

A sink that is `Buffered` may lose what it holds. So each save lets it flush first, and a lease that is
renewed while a flush is not due yet saves the last state again.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from threading import RLock
from typing import Any, Self

from supasync_core.api.backend import Buffered
from supasync_core.api.journal import NO_BASELINE
from supasync_core.api.registration import Fence
from supasync_core.api.state_store import LEASE, Claim, Entry, RecordStatus, Run
from supasync_core.model import timestamps
from supasync_core.model.errors import LockedError, StateError, SupasyncError, TakenOverError
from supasync_core.model.state import ASLEEP, Late, State, TableState, Writing
from supasync_core.project.believed_state import believed
from supasync_core.project.migration import Migration
from supasync_core.project.present import awake
from supasync_core.project.same_database import refuse_own_record, refuse_same
from supasync_core.project.unsecret import unsecret
from supasync_core.system import lock

RENEW = 60.0
"""Seconds after which a run that is about to write makes sure that the lease is still its own."""
UNRECORDED = 10_000_000
"""Bytes of OLD behind which its cost is recorded earlier: files have budgets, and a run may be killed."""
LARGE_SHARE = 20
"""It is at least one of so many parts of what the run has read, so that a record costs next to nothing."""
KILLED = timedelta(minutes=10)
"""How long what a dead process of this machine sent may take to arrive: servers give up earlier by far."""
MARGIN = timedelta(seconds=10)
"""How far the source's time may differ from the moment at which rows were looked up."""
SHARE = 10
"""A run waits this many times as long as a flush took before the next one."""


@dataclass
class Lease:
    """A lease that was granted, and the ``state`` to go on from.

    ``record`` is what a renewal writes. ``renewed`` and ``begun`` are seconds of `awake`. Where another run
    has the lease by now, `check`, `renew`, `save` and `release` raise TakenOverError.
    """

    migration: Migration
    claim: Claim
    run: Run
    state: State
    begun: float
    record: Callable[[], Entry] = field(init=False)
    unsecret: Callable[[Entry], Entry] = field(init=False)
    renewed: float = field(init=False)
    horizon: timestamps.Instant | None = None
    """What the source said of transactions that were open when the run began, where it did."""
    writing: Writing | None = None
    unsettled: bool = False
    """Whether something that was sent may arrive after the run, so that the note of it has to stay."""
    released: bool = False
    saved: Entry | None = None
    """The last record, behind whose state everything is flushed."""
    flushing: bool = False
    flushed: float = field(default_factory=awake)
    flush_took: float = 0.0
    recorded: int = 0
    """The bytes of OLD that the record has: those behind it are lost with a run that is killed."""
    noted: bool = False
    """Whether the state in the store says that this run writes."""
    turn: RLock = field(default_factory=RLock)
    """One save after the other, each of what is known when it begins. What is saved may be locked in it."""

    def __post_init__(self) -> None:
        self.renewed = self.begun
        self.unsecret = unsecret(self.migration.settings.secrets)
        self.record = lambda: Entry(status="running", state=self.state)
        self.migration.fence.ask, self.migration.fence.lost = self.check, self.doubt
        self.migration.fence.run = self.run.id

    @classmethod
    def take(
        cls, migration: Migration, command: str, *, holder: str | None = None, baseline: bool = False
    ) -> Self:
        """Take the lease for this installation, unless another ``holder`` is named.

        LockedError and StateError as the store says; StateError without a baseline, unless ``baseline`` says
        that the command brings one.
        """
        holder = holder or lock.holder(migration.settings.folder)
        source = migration.source_ref
        claim = Claim(holder=holder, source=source, command=command, lease=LEASE, baseline=baseline)
        refuse_same(migration)
        begun = awake()
        run = migration.store.begin(claim)
        refuse_own_record(migration, run.id, baseline=baseline)
        if run.state is None and not claim.baseline:
            raise StateError(NO_BASELINE, hint="run: supasync setup")
        names = [table.name for table in migration.settings.tables]
        migration.present.is_told(run.now, begun)
        state, notes = believed(
            run.state or State(migration.source_ref), migration.settings.tables, migration.present.latest
        )
        migration.notes.update(dict.fromkeys(notes))
        state = taken_over(state, claim.holder, run.now, names)
        migration.referred_columns.state = lambda: state
        return cls(migration, claim, run, state, begun)

    @property
    def age(self) -> float:
        """The seconds since it was granted or renewed, those of a sleep included."""
        return awake() - self.renewed

    @property
    def beside(self) -> Fence:
        """What is asked before a write of anything but a table's rows: nothing of those can arrive late."""
        return Fence(self.renew, run=self.run.id)

    def check(self) -> None:
        """Before a write: note that this run writes, and renew the lease where that is due.

        Whoever may write does not wait for a save that is under way.
        """
        if self.noted and self.age < RENEW:
            return
        with self.turn:
            if self.noted:
                self.renew()
                return
            self.writing = self.writing or Writing(self.claim.holder, self._since(), self.run.now)
            self.save(self.record())
            self.noted = True

    def renew(self) -> None:
        """Say that this run is alive, and what it has cost, where it has not for a while or much has come."""
        if not self._is_due:
            return
        with self.turn:
            if not self._is_due:  # another thread has renewed it meanwhile
                return
            if self.saved and (self.flushing or not self.may_flush()):
                self._store(replace(self.saved, status="running"))
            else:
                self.save(self.record())

    @property
    def _is_due(self) -> bool:
        most = max(UNRECORDED, self.recorded // LARGE_SHARE)
        return self.age >= RENEW or self._received - self.recorded >= most

    @property
    def _received(self) -> int:
        return self.migration.ledger.total("OLD").received

    def may_flush(self) -> bool:
        """Whether a save is worth it now: the sink holds nothing back, or has done so for long enough."""
        if not isinstance(self.migration.sink, Buffered):
            return True
        return awake() - self.flushed >= max(RENEW, SHARE * self.flush_took)

    def doubt(self) -> None:
        """An answer to a write was lost: it may take effect at any time."""
        self.unsettled = True

    def fail(self, error: str | None = None) -> None:
        """Record that the command broke off, perhaps in the middle of a write.

        Where the sink cannot write what it holds back, the last state stays behind which all is written.
        """
        if self.released:
            return
        self.doubt()
        try:
            self.save(replace(self.record(), status="failed", error=error))
        except LockedError:
            raise
        except SupasyncError:
            last = self.saved or Entry(status="failed", state=self.state)
            with self.turn, suppress(SupasyncError):  # the disk may be full for the record too
                self._store(replace(last, status="failed", error=error))

    def release(self, status: RecordStatus, state: State | None = None, **fields: Any) -> None:  # noqa: ANN401 - an Entry's
        """Write the last record, of this status and state, and let go of the lease."""
        self.save(Entry(status=status, state=state or self.state, **fields))

    def save(self, entry: Entry) -> None:
        """Write the record, behind what the sink holds back; any status but running lets go of the lease."""
        with self.turn:
            self._flush()
            self._store(entry)
            self.saved = entry

    def _flush(self) -> None:
        """Let the sink write what it holds back, under a lease that is still this run's."""
        sink = self.migration.sink
        if not isinstance(sink, Buffered) or self.flushing:
            return
        self.flushing = True
        try:
            if self.saved:
                self.renew()
            began = awake()
            sink.flush()
            self.flushed = awake()
            self.flush_took = self.flushed - began
        finally:
            self.flushing = False

    def _store(self, entry: Entry) -> None:
        entry = self.unsecret(replace(entry, retention=self.migration.settings.retention.days))
        if self.writing and (self.unsettled or entry.status == "running"):
            seen = timestamps.parse(self.run.now) + int((awake() - self.begun) * 1_000_000)
            self.writing = replace(self.writing, seen=timestamps.to_text(seen))
            entry = replace(entry, state=replace(entry.state, writing=self.writing))
        asked, received = awake(), self._received
        if not self.migration.store.save(self.run.id, entry):
            raise self._lost()
        self.renewed, self.released = asked, entry.status != "running"
        self.recorded = received
        lock.note_alive(self.migration.settings.folder)

    def _lost(self) -> SupasyncError:
        """Why the store does not take the record: another run is newer, or records are out of order."""
        newest = next(iter(self.migration.store.past(1).records), None)
        if newest and timestamps.parse(newest.created_at) < timestamps.parse(self.run.now):
            return StateError(
                "sync_metadata was restored without its sequence: new records are not the newest",
                hint="run in NEW: select setval(pg_get_serial_sequence('public.sync_metadata', 'seq'), "
                "max(seq)) from public.sync_metadata;",
            )
        return TakenOverError()

    def _since(self) -> str | None:
        """The source's time when the lease was granted, or earlier: what is stamped later may have been read.

        Rows of a transaction that was open then are stamped with its beginning.
        """
        now = self.migration.source_now()
        if now is None:
            return None
        elapsed = timedelta(seconds=awake() - self.begun) + MARGIN
        begun = now - timestamps.micros_of(elapsed)
        return timestamps.to_text(begun if self.horizon is None else min(begun, self.horizon))


@contextmanager
def leased(migration: Migration, command: str, *, baseline: bool = False) -> Iterator[Lease]:
    """Hold the lease; a command that does not release it has failed."""
    lease = Lease.take(migration, command, baseline=baseline)
    try:
        yield lease
    except BaseException as err:
        lease.fail(err.message if isinstance(err, SupasyncError) else None)
        raise


def arriving(state: State) -> str | None:
    """The store's time up to which rows that some run has sent may still arrive; None where none may."""
    ends = [timestamps.parse(table.late.until) for table in state.tables.values() if table.late]
    if state.writing:
        ends.append(timestamps.parse(state.writing.seen) + LEASE * 1_000_000 + timestamps.micros_of(KILLED))
    return timestamps.to_text(max(ends) // 1_000_000 * 1_000_000) if ends else None


def taken_over(state: State, holder: str, now: str, tables: Iterable[str]) -> State:
    """The state as a run of this holder begins with it, at the store's time ``now``.

    Where the run before it has not ended, that one's rows may arrive ``until`` some time: for every table,
    nothing counts as unchanged, and no cursor moves beyond what that run may have read, until a run begins
    later than that. By then they have arrived, and are read again and written over.
    """
    at = timestamps.parse(now)
    for name in {*state.tables, *tables}:
        table = state.table(name)
        if table.late and timestamps.parse(table.late.until) <= at:
            table = table.arrived()
        late = table.late
        if state.writing:
            late = _later(late, _left(state.writing, holder, at, table), at)
            table = table.unsure()
        if state.table(name).late != late or state.writing:
            state = state.with_table(name, replace(table, late=late))
    return replace(state, writing=None)


def _left(writing: Writing, holder: str, now: timestamps.Instant, table: TableState) -> Late:
    """What a run that did not end may still do. Of the same holder, its process is dead: the lock is free."""
    last = min(now, timestamps.parse(writing.seen) + LEASE * 1_000_000)
    longest = KILLED if writing.holder == holder else ASLEEP
    until = timestamps.to_text(last + timestamps.micros_of(longest))
    if table.read_at:
        return Late(writing.since, until)
    return Late(writing.since, until, table.keysets, table.backfill, table.own)


def _later(known: Late | None, found: Late, now: timestamps.Instant) -> Late | None:
    """Both of them; None where they can do nothing any more."""
    if timestamps.parse(found.until) <= now:
        return known
    if known is None:
        return found
    since = min(known.since, found.since, key=timestamps.parse) if known.since and found.since else None
    return replace(known, since=since, until=max(known.until, found.until, key=timestamps.parse))
