"""What is guessed of exported files."""

from pathlib import Path

import pytest

from supasync_core.model.table import Shape
from supasync_csv.source import CsvSource


def listed(folder: Path, schema: str = "public", **files: str) -> dict[str, Shape]:
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    source = CsvSource(folder)
    try:
        return dict(source.tables(schema))
    finally:
        source.close()


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ("1 20 -3", "bigint"),
        ("1 007", "numeric"),
        ("1.5 2", "numeric"),
        ("t f", "boolean"),
        ("2024-01-01T00:00:00+00 infinity", "timestamp with time zone"),
        ("5f0c7a52-6a0b-4d6a-9c7b-0d7f5b1f0c01", "uuid"),
        ("a 1", "text"),
        ("", None),
    ],
)
def test_a_type_is_guessed_where_every_value_fits(tmp_path: Path, values: str, kind: str | None) -> None:
    rows = "".join(f"{number},{value}\n" for number, value in enumerate(values.split() or [""]))
    column = listed(tmp_path, things=f"id,v\n{rows}")["things"].column("v")
    assert column is not None
    assert column.type == kind
    assert column.nullable is (None if values else True)


def test_a_key_is_guessed_only_where_no_value_is_missing_or_twice(tmp_path: Path) -> None:
    found = listed(
        tmp_path, a="id,x\n1,a\n2,a\n", b="id\n1\n1\n", c="id,x\n1,a\n,b\n", d="code,x\nz,1\n", e="id\n"
    )
    assert {name: shape.key for name, shape in found.items()} == {
        "a": ("id",),
        "b": (),
        "c": (),
        "d": ("code",),
        "e": (),
    }


def test_a_foreign_key_is_guessed_where_all_values_are_keys(tmp_path: Path) -> None:
    found = listed(
        tmp_path,
        users_rows="id\n1\n2\n",
        categories="id\n7\n",
        jobs="id,user_id,category_id,other_id\n1,1,7,1\n2,,7,2\n",
        odd="id,user_id\n1,3\n",
    )
    assert set(found) == {"users", "categories", "jobs", "odd"}
    assert [column.refers for column in found["jobs"].columns] == [
        None,
        ("users", "id"),
        ("categories", "id"),
        None,
    ]
    assert found["odd"].columns[1].refers is None


def test_files_of_another_schema_are_another_schemas(tmp_path: Path) -> None:
    files = {"users": "id\n1\n", "billing.users": "id\n1\n", "billing.fees": "id\n1\n"}
    assert set(listed(tmp_path, **files)) == {"users"}
    assert set(listed(tmp_path, "billing")) == {"users", "fees"}
