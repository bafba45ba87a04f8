"""What each method can and cannot see, in sentences."""

from supasync_core.model.wording import counted
from supasync_core.verify.second_look import SecondLook
from supasync_core.verify.table_comparison import TableComparison
from supasync_core.verify.verdict import KEYS, ROWS
from supasync_core.verify.walk import Walk

_NULLS = "an SQL NULL against the JSON null of a json column: both are printed alike"


def sees(how: TableComparison) -> tuple[str, ...]:
    """What the table's comparison finds."""
    rows = "rows that NEW lacks, and rows that OLD does not have"
    if how.method == ROWS:
        return (rows, "every value that differs, by the text that both sides print")
    stamped = () if how.method == KEYS else (f"rows whose {' or '.join(how.stamps)} differs",)
    versions = "rows that were written in OLD since the last verification, by their version (xmin)"
    return (rows, *stamped, versions) if how.versioned else (rows, *stamped)


def cannot_see(how: TableComparison, walk: Walk) -> tuple[str, ...]:
    """What it does not find."""
    if how.method == ROWS:
        return (_NULLS,)
    found = []
    if how.versioned:
        found.append(
            "a value that was changed without a timestamp before a verification here first saw the row"
        )
    else:
        found.append("a value that was changed without a timestamp")
    if how.method == KEYS:
        found[0] = found[0].replace("without a timestamp", "in a row that was copied already")
    found.append("a value that was changed in NEW while its timestamp stayed")
    if walk.timeless:
        found.append(
            f"changes of {counted(walk.timeless, 'row that has', 'rows that have')} no timestamp at all"
        )
    return tuple(found)


def notes(how: TableComparison, look: SecondLook) -> tuple[str, ...]:
    """What a person should know of how this table was compared."""
    table = how.table
    told = []
    if table.transform:
        told.append(f"OLD's rows were compared after {', '.join(table.transform)}")
    if table.exclude:
        told.append(f"not compared, as they are excluded: {', '.join(table.exclude)}")
    if table.columns:
        told.append("compared in the columns that tables.yaml names")
    if table.where and how.new.where is None:
        told.append("where: was applied to OLD alone: rows that NEW has besides show up as extra")
    if how.state.table(table.name).read_at is None:
        told.append("no sync has read this table completely yet: every row is expected in NEW")
    elif how.counted is False and not how.stamps:
        told.append("it has no timestamp: rows that changed since the last sync show up as differences")
    if look.rewritten:
        written = counted(look.rewritten, "row was", "rows were")
        told.append(f"{written} written in OLD since the last verification: compared as whole rows")
    if look.filtered:
        filtered = counted(len(look.filtered), "of the extra rows is", "of the extra rows are")
        told.append(f"{filtered} in OLD, but left out on the way now")
    return tuple(told)
