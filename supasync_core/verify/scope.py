"""What a verification of a table finds, what it cannot find, and what a person should know of it."""

from supasync_core.model.wording import counted
from supasync_core.verify.second_look import SecondLook
from supasync_core.verify.table_comparison import TableComparison
from supasync_core.verify.verdict import DIGESTS, KEYS, ROWS
from supasync_core.verify.walk import Walk

_NULLS = "an SQL NULL against the JSON null of a json column: both are printed alike"
_CHANCE = "differences whose digests of 128 bits are equal by chance, or that somebody constructed to be"
_UNPRINTED = (
    "differ in the database, such as the JSON null against NULL: no run can copy that over the API, so copy "
    "these rows by SQL"
)


def sees(how: TableComparison) -> tuple[str, ...]:
    """What the table's comparison finds."""
    rows = "rows that NEW lacks, and rows that OLD does not have"
    if how.method == ROWS:
        return (rows, "every value that differs, by the text that both sides print")
    if how.method == DIGESTS:
        return (rows, "every value that differs, by its text in the database")
    stamped = () if how.method == KEYS else (f"rows whose {' or '.join(how.stamps)} differs",)
    versions = "rows that were written in OLD since the last verification, by their version (xmin)"
    return (rows, *stamped, versions) if how.versioned else (rows, *stamped)


def cannot_see(how: TableComparison, walk: Walk) -> tuple[str, ...]:
    """What it does not find."""
    if how.method == ROWS:
        return (_NULLS,)
    if how.method == DIGESTS:
        return (_CHANCE,)
    where = "in a row that was copied already" if how.method == KEYS else "without a timestamp"
    until = " before a verification on this machine first saw the row" if how.versioned else ""
    found = [f"a value that was changed {where}{until}", "a value changed in NEW under the same timestamp"]
    if walk.timeless:
        found.append(f"changes of {counted(walk.timeless, 'row', 'rows')} without any timestamp")
    return tuple(found)


def notes(how: TableComparison, look: SecondLook) -> tuple[str, ...]:
    """What a person should know of how this table was compared."""
    table = how.table
    written = counted(look.rewritten, "row was", "rows were")
    filtered = counted(len(look.filtered), "of the extra rows is", "of the extra rows are")
    alike = counted(len(look.unprinted), "changed row is", "changed rows are")
    never_read = how.state.table(table.name).read_at is None
    stampless = not never_read and not how.counted and not how.stamps
    remarks = {
        f"OLD's rows were compared after {', '.join(table.transform)}": table.transform,
        f"not compared, because excluded: {', '.join(table.exclude)}": table.exclude,
        "only the columns that tables.yaml names were compared": table.columns,
        "where: applies to OLD alone: other rows of NEW are reported as extra": (
            table.where and how.new.where is None
        ),
        "no sync has read this table completely yet: every row is expected in NEW": never_read,
        "it has no timestamp: rows that changed since the last sync are reported as different": stampless,
        f"{written} written in OLD since the last verification: compared as whole rows": look.rewritten,
        f"{alike} printed alike as JSON by both sides, and {_UNPRINTED}": look.unprinted,
        f"{filtered} in OLD, but left out by where or a transform now": look.filtered,
    }
    return tuple(text for text, applies in remarks.items() if applies)
