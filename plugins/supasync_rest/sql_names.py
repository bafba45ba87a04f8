"""Names as SQL writes them, for statements that a person is asked to run."""

import re

from supasync_core.model.printable import sql_name
from supasync_core.model.table import Table


def table_name(table: Table) -> str:
    """``schema.table``."""
    return f"{identifier(table.schema)}.{identifier(table.relation)}"


def identifier(name: str) -> str:
    """A name, quoted where it is not plain; reserved words are plain enough for a person to see."""
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else sql_name(name)


def column_in(message: str) -> str:
    """The column that PostgreSQL's message names, unescaped as it prints it; empty where it names none."""
    found = re.search(r'column "(.*)"', message)
    return found[1] if found else ""
