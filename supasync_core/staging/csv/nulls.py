"""NULL or an empty text: by the dialect where it says so, else by the type or the user."""

from supasync_core.model.pg_types import is_text, may_be_null
from supasync_core.model.table import Shape, Table
from supasync_core.staging.csv.cells import NOT_NULL, OR_EMPTY
from supasync_core.staging.csv.choices import Choices
from supasync_core.staging.csv.dialects import Cells, Dialect


def rule(  # noqa: PLR0911, PLR0913, PLR0917 - all that speaks for a column
    dialect: Dialect, shape: Shape, table: Table, file: str, name: str, cells: Cells, choices: Choices
) -> tuple[str | None, bool]:
    """The column's word for NULL in this file, and whether that is sure."""
    chosen = chosen_for(choices, table, file, name)
    text = is_text(shape, name)
    of_column = {f"{file}.{name}", f"{table.name}.{name}"} & choices.nulls.keys()
    fits = text if chosen == NOT_NULL else may_be_null(shape, name)
    if of_column or (file in choices.nulls and fits):
        return (f"{OR_EMPTY}{chosen}" if chosen and not text else chosen), True
    if dialect.null is None:
        return None, True
    ambiguous = dialect.name in ("rfc4180", "dashboard")
    if ambiguous and chosen is not None:
        return chosen, True
    if not text:
        return dialect.null, True
    if not may_be_null(shape, name):
        return NOT_NULL, True
    if ambiguous and cells.word:
        return "null", False
    doubtful = cells.word if dialect.null else cells.bare + cells.quoted
    if chosen is not None and doubtful:
        return chosen, True
    return dialect.null, not doubtful


def chosen_for(choices: Choices, table: Table, file: str, name: str) -> str | None:
    """The word for NULL that the user gave for this column of the file, the file, the table's, or all."""
    places = (f"{file}.{name}", file, f"{table.name}.{name}", table.name, "*")
    choices.met.update(places)
    given = next((choices.nulls[place] for place in places if place in choices.nulls), None)
    return {"empty": "", "none": NOT_NULL}.get(given, given) if given else None
