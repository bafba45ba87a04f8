"""The section ``storage:`` of tables.yaml: objects are copied behind the tables, in every run."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from typing import Final

from supasync_account.storage.bucket_settings import NAME_OTHERS, UNNAMED, buckets, largest
from supasync_account.storage.old_answers import OldAnswers
from supasync_account.storage.owner_repair import repairing
from supasync_account.storage.storage_client import StorageClient
from supasync_account.storage.storage_errors import ObjectError
from supasync_account.storage.storage_progress import EVERYWHERE, StorageProgress
from supasync_account.storage.storage_report import StorageReport
from supasync_account.storage.storage_settings import StorageSettings
from supasync_account.storage.storage_sides import both_storages, pair_of
from supasync_account.storage.storage_sync import StorageSync
from supasync_account.storage.storage_transfer import sizes
from supasync_account.storage.storage_verdict import compare
from supasync_core.api.run_step import ProposalContext, StepContext
from supasync_core.api.sql_session import SqlSession
from supasync_core.model import timestamps
from supasync_core.model.errors import ConfigError
from supasync_core.model.finding import Finding, note, problem, warning
from supasync_core.model.quantities import format_size
from supasync_core.model.report import StepResult
from supasync_core.model.wording import counted

SHOWN: Final = 10
_DAY: Final = 86_400_000_000
PROPOSED: Final = """\
# OLD has {buckets} of files. They are copied behind the tables in every run, at most max_per_run at a time. A
# copy costs as much of OLD's egress: see supasync storage sync --dry-run. Without this section, files stay.
storage: {{buckets: all, max_per_run: 200MB}}
"""
"""The section of tables.yaml as `init` writes it."""


def run(context: StepContext) -> StepResult:
    """Copy what is new and changed; the objects that a person is needed for are named."""
    return result(copied(context, StorageSettings.of(context.settings)))


def copied(
    context: StepContext, settings: StorageSettings, *, accept_newer: bool = False, by_hand: bool = False
) -> StorageReport:
    """Copy Storage under the lease of the context.

    ``by_hand``: NEW is compared with what was copied, and OLD may have got its function just now.
    """
    if context.staging is None:
        raise ConfigError(["storage: no staging file"])
    with (
        both_storages(context) as (old, new),
        StorageProgress.writing(context.staging, pair_of(old, new)) as progress,
        repairing(context) as repair,
    ):
        sync = StorageSync(
            old,
            new,
            progress,
            settings,
            fence=context.fence,
            accept_newer=accept_newer,
            go_on=context.go_on,
            afford=context.afford,
            workers=context.workers,
            say=context.say,
            repair=repair.bucket,
            answers=answers_of(context, repair.old, progress, afresh=by_hand),
            afresh=by_hand,
        )
        try:
            return sync.run()
        finally:
            remember_lacking(sync.answers, progress)


def answers_of(
    context: StepContext, session: SqlSession | None, progress: StorageProgress, *, afresh: bool
) -> OldAnswers:
    """What OLD's database can be asked; runs ask for a function that it lacked once a day."""
    asked_at = progress.of_bucket(EVERYWHERE).get("lacking")
    recently = not afresh and asked_at is not None and timestamps.now() - timestamps.parse(asked_at) < _DAY
    side = context.functions("OLD") if session is None and not recently else None
    return OldAnswers(session, side)


def remember_lacking(answers: OldAnswers, progress: StorageProgress) -> None:
    """Remember that OLD has no such function."""
    if answers.lacking:
        progress.remember(EVERYWHERE, lacking=timestamps.to_text(timestamps.now()))


def plan(context: StepContext) -> str:
    """What a run would copy."""
    return planned(context, StorageSettings.of(context.settings))[0]


def planned(
    context: StepContext, settings: StorageSettings, *, accept_newer: bool = False
) -> tuple[str, StorageReport]:
    """The sentence, and the numbers behind it; nothing is written."""
    with (
        both_storages(context) as (old, new),
        _looking(context, old, new) as progress,
        repairing(context) as repair,
    ):
        answers = answers_of(context, repair.old, progress, afresh=True)
        sync = StorageSync(
            old, new, progress, settings, accept_newer=accept_newer, answers=answers, go_on=context.go_on
        )
        number, size = sizes(sync.planned())
    sync.report.left, sync.report.left_bytes = number, size
    what = f"{counted(number, 'object', 'objects')} would be copied, {format_size(size)} of OLD's egress"
    of = f"{sync.report.objects:,} objects in {counted(sync.report.buckets, 'bucket', 'buckets')}"
    return f"{what}; OLD has {of}, {format_size(sync.report.bytes)}", sync.report


def propose(context: ProposalContext) -> str:
    """The section, where OLD has buckets."""
    old = context.api("OLD")
    if old is None:
        return ""
    odd: list[str] = []
    with closing(StorageClient(old, "OLD", context.ledger)) as client:
        try:
            found = buckets(client, odd.append)
        except ObjectError:
            return ""  # a server without Storage
    named = "".join(f"# {name!r}: {UNNAMED};\n# {NAME_OTHERS}.\n" for name in odd)
    return named + PROPOSED.format(buckets=counted(len(found), "bucket", "buckets")) if found or odd else ""


def check(context: StepContext) -> Iterator[Finding]:
    """What is in the way of a copy."""
    settings = StorageSettings.of(context.settings)
    odd: list[str] = []
    with both_storages(context) as (old, new):
        found = buckets(old, odd.append)
        theirs = {name: each for name, each in found.items() if settings.includes(name)}
        ours, most = buckets(new, lambda _id: None), largest(new)
    for name in (each for each in odd if settings.includes(each)):
        yield warning(f"{name!r}: {UNNAMED}", hint=NAME_OTHERS)
    for name in (each for each in settings.buckets if each not in theirs):
        yield warning(f"OLD has no bucket {name}", hint="correct buckets: under storage: in tables.yaml")
    for name, bucket in theirs.items():
        if most is not None and bucket.file_size_limit is not None and bucket.file_size_limit > most:
            text = f"the bucket {name} takes files of {format_size(bucket.file_size_limit)}"
            yield problem(
                f"{text}, and NEW's project at most {format_size(most)}",
                hint="raise it: NEW's Dashboard -> Storage -> Settings",
            )
        there = ours.get(name)
        if there is not None and there.differs(bucket):
            yield note(f"the bucket {name} is in NEW already, with other settings", "")


def prove(context: StepContext) -> Iterator[Finding]:
    """Whether NEW has OLD's objects; how many are proven by what is said."""
    with both_storages(context) as (old, new), _looking(context, old, new) as progress:
        found = compare(
            old, new, progress, StorageSettings.of(context.settings), sql=context.sql, go_on=context.go_on
        )
    if found.differences:
        what = counted(found.differences, "object or bucket differs", "objects or buckets differ")
        yield problem(what, hint="list them: supasync storage verify")
    else:
        yield note(f"{counted(found.old, 'object', 'objects')} compared: {found.methods_shown}", "")
    for sentence in found.remarks:
        yield note(sentence, "")


def _looking(
    context: StepContext, old: StorageClient, new: StorageClient
) -> AbstractContextManager[StorageProgress]:
    return StorageProgress.looking(context.staging, pair_of(old, new))


def result(report: StorageReport) -> StepResult:
    """The report as that of a step."""
    shown = [
        f"{'' if each.weight == 'note' else 'not copied: '}{each.sentence}" for each in report.named[:SHOWN]
    ]
    more = len(report.named) - SHOWN
    rest = [f"... and {more:,} more: supasync storage sync --json"] if more > 0 else []
    undone = report.unfinished
    error = None
    if undone:
        what = counted(len(undone), "object or bucket is", "objects or buckets are")
        error = f"storage: {what} not in NEW as in OLD: supasync storage sync names all"
    return StepResult(
        status="interrupted" if report.interrupted else "failed" if undone else "ok",
        summary=report.sentence,
        notes=(*shown, *rest, *report.remarks),
        error=error,
        exit_code=0 if report.interrupted else report.exit_code,
        details={"storage": report.counts},
    )
