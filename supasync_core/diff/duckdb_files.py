"""DuckDB files as a side: attached to be read, compared where they are."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from duckdb import DuckDBPyConnection

from supasync_core.api.journal import keeps_state
from supasync_core.diff.engine import DiffEngine
from supasync_core.diff.loaded_side import LoadedSide
from supasync_core.diff.typed_cells import shape_of, texts_of
from supasync_core.model.errors import StateError
from supasync_core.model.table import Shape, Table
from supasync_core.staging.connection import duckdb_path, open_to_look, releasing, translate_errors
from supasync_core.staging.csv.choices import Choices
from supasync_core.staging.duckdb_tables import Kinds, Tables, qualified
from supasync_core.staging.own_names import hides_row_ids
from supasync_core.staging.refused_sql import refuse_shadowing
from supasync_core.staging.values import literal
from supasync_core.system.links import real

_SUFFIXES = (".duckdb", ".ddb", ".db")


class DuckdbFiles:
    """Reads tables of a file by attaching it; the file is never changed."""

    def fits(self, path: Path) -> bool:
        """By its name."""
        return path.suffix.lower() in _SUFFIXES

    def writes(self, path: Path) -> bool:
        """Whether the side can be written to."""
        return True

    def written(self, path: Path, table: Table) -> Table:
        """Under its own name."""
        return table

    def single(self, path: Path) -> bool:
        """A file may hold many tables."""
        return False

    def tables(self, path: Path, declared: Sequence[Table]) -> list[Table]:
        """Declared tables that the file has; without one, all of its own in DuckDB's default schema."""
        _refuse_log(path)
        with releasing(open_to_look(path)) as connection:
            tables = Tables(connection)
            found = [table for table in declared if tables.has(table)]
            names = tables.names("main")
            names = [name for name in names if not keeps_state(name, tables.columns(Table(name=name)))]
        known = {table.relation for table in declared if table.schema == "public"}
        return found + [Table(name=name) for name in names if name not in known]

    def shape(self, path: Path, table: Table, choices: Choices) -> Shape:
        """The columns; the types of raw cells and of texts are not known. NoTableError without the table."""
        _refuse_log(path)
        with releasing(open_to_look(path)) as connection, translate_errors(path, table):
            kinds = Tables(connection).existing(table)
        return shape_of(kinds)

    def load(  # noqa: PLR0913, PLR0917 - where from, where to, and how to read it
        self, engine: DiffEngine, place: str, path: Path, table: Table, shape: Shape, choices: Choices
    ) -> LoadedSide:
        """Attach the file; its rows are read while they are compared. NoTableError without the table."""
        _refuse_log(path)
        catalog = f"{place}_file"
        engine.fetch(f"DETACH DATABASE IF EXISTS {catalog}")
        with translate_errors(path, table):
            kinds = _attached(engine.connection, catalog, path, table)
            engine.attached.add(place)
        relation = f"{catalog}.{qualified(table)}"
        cells = texts_of(kinds, shape)
        with translate_errors(path, table):
            if not hides_row_ids(kinds):
                return engine.hold(place, relation, cells, table.where)
            loaded = engine.gather(place, [(f"{relation} WHERE {table.where or 'true'}", cells)], None)
            engine.fetch(f"DETACH DATABASE {catalog}")
            return loaded


def _refuse_log(path: Path) -> None:
    """StateError where the file has a write-ahead log: what DuckDB would replay was checked by nobody."""
    log = path.with_name(f"{path.name}.wal")
    if log.is_symlink() or (log.exists() and log.stat().st_size):
        raise StateError(
            f"{log} lies beside the file, and DuckDB would replay it",
            hint="open and close the file once with the program that wrote it, which takes the log in; where "
            "that program is not yours, take the file without it",
        )


def _attached(connection: DuckDBPyConnection, catalog: str, path: Path, table: Table) -> Kinds:
    """Attach the file under this name; the table's columns. What cannot be used is not left attached."""
    connection.execute(f"ATTACH {literal(duckdb_path(real(path)))} AS {catalog} (TYPE duckdb, READ_ONLY)")
    try:
        refuse_shadowing(connection, catalog, path)
        with closing(connection.cursor()) as there:
            there.execute(f"USE {catalog}")
            return Tables(there).existing(table)
    except BaseException:
        connection.execute(f"DETACH DATABASE {catalog}")
        raise
