"""A project whose runs of a month are recorded, and pages of it."""

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import duckdb
import pytest

from tests.diff.calling import call
from tests.e2e.workspace import Completed
from tests.report.history import add_history

HOSTILE = "<script>alert(1)</script>\" onload='x' \u202eevil\x1b[31m"
TABLES_YAML = """\
version: 1
source: {backend: duckdb, path: old.duckdb}
sink: {backend: duckdb, path: new.duckdb}
budgets: {requests: 50000, egress: 5GB, database: 500MB}
tables:
  users: {strategy: snapshot}
  jobs: {strategy: snapshot}
"""


@dataclass(frozen=True)
class Project:
    """A folder with tables.yaml."""

    folder: Path

    def run(self, *args: str, code: int = 0) -> Completed:
        """A command in the folder that ends as expected."""
        done = call(self.folder, *args)
        assert done.code == code, done.out + done.err
        return done

    def page(self, *options: str) -> str:
        """What `report` writes."""
        self.run("report", "--out", "page.html", *options)
        return (self.folder / "page.html").read_text("utf-8")

    def text(self, *options: str) -> str:
        """What a person reads on the page, in one line."""
        reader = Reader()
        reader.feed(self.page(*options))
        return " ".join(" ".join(reader.texts).split())


class Reader(HTMLParser):
    """Collects what a page shows, and its tags with their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags[-1:] and self.tags[-1][0] != "style":
            self.texts.append(data)


@pytest.fixture(scope="session")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which two tables were copied, and a month of runs is recorded; beside it lies a copy."""
    folder = tmp_path_factory.mktemp("copied") / "project"
    folder.mkdir()
    (folder / "tables.yaml").write_text(TABLES_YAML)
    people = [(n, f"person{n}@example.test") for n in range(40)]
    for name in ("old", "new"):
        with duckdb.connect(str(folder / f"{name}.duckdb")) as connection:
            for table in ("users", "jobs"):
                connection.execute(f"create table {table} (id bigint primary key, email varchar)")
                if name == "old":
                    connection.executemany(f"insert into {table} values (?, ?)", people)  # noqa: S608
    project = Project(folder)
    project.run("setup")
    project.run("sync")
    add_history(folder / "new.duckdb", datetime.now(UTC))
    shutil.copytree(folder, folder.with_name("kept"))
    return folder


@pytest.fixture
def project(copied: Path) -> Project:
    """The project as it was: the state names the paths of both files, so they stay where they are."""
    shutil.rmtree(copied)
    shutil.copytree(copied.with_name("kept"), copied)
    return Project(copied)
