"""Names of entries for tables of several schemas: two tables of one name get different ones."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from supasync_core.init.proposal import Proposal
from supasync_core.model.table import Table


def distinct(found: Mapping[str, Sequence[Proposal]], declared: Sequence[Table] = ()) -> list[Proposal]:
    """All proposals of all schemas, those that are copied first; no two entries of one name.

    Of several tables of one name the first keeps it, and is the one in ``public`` where there is one; the
    others have their schema in front.
    """
    taken = {table.name for table in declared}
    relations = {each.table.name for proposals in found.values() for each in proposals}
    copied: list[Proposal] = []
    for schema, proposals in found.items():
        entries = {table.relation: table.name for table in declared if table.schema == schema}
        for each in proposals:
            if not each.refusal:
                entries[each.table.name] = _unused_name(each.table, taken, relations)
                taken.add(entries[each.table.name])
        copied += [_renamed(each, entries) for each in proposals if not each.refusal]
    return copied + [each for proposals in found.values() for each in proposals if each.refusal]


def _unused_name(table: Table, taken: Collection[str], relations: Collection[str]) -> str:
    """The table's own name, or one with its schema that no other table has."""
    alike = {name.lower() for name in taken}
    if table.name.lower() not in alike:
        return table.name
    name = f"{table.schema}.{table.name}"
    while name.lower() in alike or name in relations:
        name += "_"
    return name


def _renamed(proposal: Proposal, entries: Mapping[str, str]) -> Proposal:
    """The proposal under its entry's name, its parents under theirs."""
    table = proposal.table
    name = entries[table.name]
    return replace(
        proposal,
        table=replace(
            table,
            name=name,
            table=table.name if name != table.name else None,
            depends_on=tuple(entries[parent] for parent in table.depends_on),
        ),
        instead=proposal.instead and _renamed(proposal.instead, entries),
    )
