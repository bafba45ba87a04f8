"""Both projects before anything is copied: what is missing, how to fix it, and the next commands in order."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from supasync_core.api.backend import Survey, Surveyed
from supasync_core.api.journal import current
from supasync_core.api.plugin_fault import PluginFault
from supasync_core.api.state_store import Entry, Past
from supasync_core.init.undecided import Undecided
from supasync_core.model.errors import StateError, SupasyncError, TableError
from supasync_core.model.finding import Finding, failure, problem, warning
from supasync_core.model.level import PROBLEM
from supasync_core.model.state import State
from supasync_core.model.wording import counted
from supasync_core.project.migration import Migration, swapped
from supasync_core.project.project_checks import checks_of, found_by
from supasync_core.project.project_steps import found_by_step
from supasync_core.schema import timestamp_index
from supasync_core.status.check_callers import callers_in_old
from supasync_core.status.check_catalogs import with_catalogs_checked
from supasync_core.status.check_state import check_gone, check_run, check_state
from supasync_core.status.check_tables import check_table, check_tables, check_undecided, lacks_row_key
from supasync_core.sync import source_snapshot

_NO_RUN = "00000000-0000-0000-0000-000000000000"
_PASTE = "paste what it prints into NEW's SQL editor"
_SCRIPTS = (
    (("state", "unknown", "older", "rowkey"), "", "supasync's own table, functions and columns in NEW"),
    (("identity",), " --identity", "identity columns accept OLD's numbers"),
    (("trigger",), " --triggers guard", "NEW's triggers ignore copied rows"),
    (
        ("reference", "circle"),
        " --foreign-keys off",
        "foreign keys that would keep rows out, until the switch",
    ),
)
"""The kinds of findings that a script of `schema sql` answers, its option, and what it is for."""
_ACCOUNTS = "accounts before the rows that refer to them; auth: {} in tables.yaml does it in every run"


@dataclass(frozen=True, slots=True)
class Rows:
    """A table's row counts on both sides, None where one is not known."""

    table: str
    source_rows: int | None
    sink_rows: int | None


@dataclass(frozen=True, slots=True)
class Preflight:
    """All findings, the tables' counts, and the state as it is."""

    findings: tuple[Finding, ...]
    tables: tuple[Rows, ...] = ()
    past: Past | None = None
    undecided: tuple[Undecided, ...] = ()
    blind: bool = False
    """Whether the source could tell of open transactions, and is not set up to."""

    @property
    def fine(self) -> bool:
        """Whether a sync would copy every table."""
        return all(finding.level != PROBLEM for finding in self.findings)

    @property
    def ready(self) -> bool:
        """Whether a sync may begin: it refuses single tables by itself."""
        return all(finding.level != PROBLEM or finding.alone for finding in self.findings)


def preflight(migration: Migration, progress: Callable[[str], None]) -> Preflight:
    """Ask both sides and the state; nothing is written. ``progress`` is called with each table's name."""
    mixed_up = swapped(migration)
    if mixed_up:
        return Preflight((failure(mixed_up),))
    findings: list[Finding] = []
    past = _state(migration, findings)
    for name, rows in past.state.quarantined().items() if past and past.state else ():
        text = f"{name}: {counted(rows, 'row is', 'rows are')} quarantined and not in NEW"
        findings.append(warning(text, name, "supasync quarantine list shows them"))
    counts = []
    for table in migration.settings.tables:
        progress(table.name)
        old = new = None
        try:
            findings.extend(check_table(migration, table))
            wanted = migration.in_new(table)
            there = None if lacks_row_key(migration.sink, table) else migration.sink.count(wanted)
            old, new = migration.source.count(table), there
            if past and past.state:
                findings.extend(check_state(migration, table, past.state, old, new))
        except TableError as err:
            findings.append(failure(err))
            if err.table is None:
                break
        counts.append(Rows(table.name, old, new))
    if past and past.state:
        findings += [*check_run(migration, past.state), *check_gone(migration, past.state)]
    findings.extend(check_tables(migration, past))
    findings = [*with_catalogs_checked(migration, findings), *callers_in_old(migration)]
    findings.extend(_of_plugins(migration))
    undecided, more = check_undecided(migration)
    snapshot = source_snapshot.look(migration, migration.settings.tables)
    findings += [*more, *map(warning, snapshot.notes()), *_unindexed(migration, snapshot.survey)]
    blind = isinstance(migration.source, Surveyed) and snapshot.survey is None
    return Preflight(_worded_once(findings), tuple(counts), past, undecided, blind)


def _of_plugins(migration: Migration) -> Iterator[Finding]:
    """What steps and checks of tables.yaml find; one that fails is a problem of its own, and no table's."""
    for part in migration.settings.steps:
        yield from found_by_step(migration, part, "check")
    for name, (check, part) in checks_of(migration).items():
        found = found_by(migration, check, part, asks_old=True) if check.before_sync else []
        if isinstance(found, PluginFault):
            yield problem(found.sentence, hint="correct the plugin", alone=True, kind=f"check:{name}")
        else:
            yield from found
    yield from _of_environment(migration)


def _of_environment(migration: Migration) -> Iterator[Finding]:
    """What plugins find wrong with the variables that they read; a plugin that fails is a warning."""
    settings = migration.settings
    answers = migration.host.call(
        "supasync_check_environment",
        shows_message=False,  # the environment holds keys
        environment=settings.environment,
        folder=settings.folder,
    )
    for answer in answers:
        if answer.fault:
            yield warning(answer.fault.sentence, hint="correct the plugin")
        else:
            yield from (each for each in answer.value or () if isinstance(each, Finding))


def _unindexed(migration: Migration, survey: Survey | None) -> Iterator[Finding]:
    """Timestamps without an index in OLD: every run scans such a table once or more."""
    if survey is None:
        return
    for table in migration.settings.tables:
        keysets = migration.strategy(table).keysets(table)
        for what, hint in timestamp_index.missing(table, keysets, survey):
            yield warning(f"{table.name}: {what}", table.name, hint, kind="index")


def _state(migration: Migration, findings: list[Finding]) -> Past | None:
    """The past, having tried that the store can be written; what is wrong becomes a finding."""
    try:
        past = migration.store.past(1)
        probe = Entry(status="running", state=State(migration.source_ref))
        if migration.store.save(_NO_RUN, probe):
            raise StateError("the state store has saved a run that does not exist")
        if past.state:
            current(past, migration.source_ref)
    except SupasyncError as err:
        findings.append(failure(err, "state" if isinstance(err, StateError) else None))
        return None
    return past


def _worded_once(findings: list[Finding]) -> tuple[Finding, ...]:
    """Without warnings of old functions, where the script that brings them is asked for already."""
    old = ("older", "unknown") if any(each.kind == "state" for each in findings) else ()
    return tuple(each for each in findings if each.level == PROBLEM or each.kind not in old)


@dataclass(frozen=True, slots=True)
class Step:
    """One command, and what it is for."""

    command: str
    why: str


def steps(found: Preflight) -> list[Step]:
    """All of them, in order; before a baseline can be written also the call that writes it."""
    return [*_pasted(found), *_copied(found)]


def _pasted(found: Preflight) -> Iterator[Step]:
    for kinds, option, what in _SCRIPTS:
        about = [each for each in found.findings if each.kind in kinds]
        if about:
            tables = list(dict.fromkeys(each.table for each in about if each.table))
            named = f" ({', '.join(tables[:3])}{', ...' if len(tables) > 3 else ''})" if tables else ""  # noqa: PLR2004 - a line
            yield Step(f"supasync schema sql{option}", f"{_PASTE}: {what}{named}")
    if found.blind:
        yield Step(
            "supasync schema sql --old",
            "optional, into OLD's SQL editor: verify compares every value without reading rows, and with "
            "horizon: true under source idle runs get cheap",
        )


def _copied(found: Preflight) -> Iterator[Step]:
    if not found.ready:
        yield Step("supasync setup", "again, when the problems are fixed")
    if any(each.kind == "made" for each in found.findings):
        yield Step("supasync reconcile clear", "the rows that NEW has of its own; look, then with --apply")
    if waiting := list(dict.fromkeys(each.table for each in found.findings if each.kind == "account")):
        yield Step("supasync auth sync", f"{_ACCOUNTS} ({', '.join(filter(None, waiting))})")
    loaded = found.past and found.past.state and found.past.state.last_success
    yield Step("supasync sync", "copy what is new" if loaded else "the first load; run it again at any time")
    yield Step("supasync verify", "compare NEW with OLD")
    yield Step("supasync schedule cron", "the line for crontab -e; or: schedule systemd, schedule windows")
