"""Entries of tables in several schemas: each has a name of its own, and leads back to its table."""

from hypothesis import given
from hypothesis import strategies as st

from supasync_core.init.choose_strategy import Proposal
from supasync_core.init.propose import distinct
from supasync_core.model.table import Table

NAMES = st.sampled_from(["users", "Users", "a", "a.b", "b", "x.users", "x.users_", "b.users"])
SCHEMAS = st.dictionaries(st.sampled_from(["public", "x", "a", "X"]), st.sets(NAMES, max_size=5), max_size=4)


@given(SCHEMAS, st.sets(NAMES, max_size=2))
def test_no_two_entries_have_one_name_and_each_is_its_table(
    schemas: dict[str, set[str]], declared: set[str]
) -> None:
    known = [Table(name=name, schema="d") for name in sorted(declared)]
    found = {
        schema: [
            Proposal(table=Table(name=name, schema=schema, depends_on=tuple(sorted(names - {name}))[:1]))
            for name in sorted(names)
        ]
        for schema, names in schemas.items()
    }
    tables = [each.table for each in distinct(found, known)]
    called = [table.name.lower() for table in (*tables, *known)]
    assert len(set(called)) == len(called) or len({name.lower() for name in declared}) < len(declared)
    assert {table.address for table in tables} == {
        (s, name) for s, names in schemas.items() for name in names
    }
    entries = {table.name: table for table in tables}
    assert all(entries[parent].schema == table.schema for table in tables for parent in table.depends_on)
    given_ = {(s, t.name): t.depends_on for s, all_ in found.items() for t in (each.table for each in all_)}
    for table in tables:
        assert tuple(entries[parent].relation for parent in table.depends_on) == given_[table.address]
