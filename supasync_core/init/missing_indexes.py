"""Timestamps by which tables are to be read, and which have no index in OLD, where OLD tells."""

from collections.abc import Sequence
from dataclasses import replace

from supasync_core.api.backend import Source, Surveyed
from supasync_core.init.choose_strategy import Proposal
from supasync_core.model.batch import Keyset
from supasync_core.schema import timestamp_index


def with_missing_indexes(source: Source, proposals: Sequence[Proposal]) -> list[Proposal]:
    """The proposals; a table that every run would scan has a remark with the statement of its index."""
    asked = [
        (each.table, each.table.timestamp)
        for each in proposals
        if each.table.strategy == "incremental" and each.table.timestamp and not each.refusal
    ]
    survey = source.survey(asked) if asked and isinstance(source, Surveyed) else None
    if survey is None:
        return list(proposals)
    large = {name: extent.rows for name, extent in survey.extents.items()}
    return [
        _remarked(each, large.get(each.table.name, 0), survey.unindexed.get(each.table.name, ()))
        for each in proposals
    ]


def _remarked(proposal: Proposal, rows: int, missing: Sequence[str]) -> Proposal:
    if rows < timestamp_index.FEW:
        return proposal
    table, remarks = proposal.table, list(proposal.remarks)
    for place, column in enumerate(table.timestamp):
        if column in missing:
            statement = timestamp_index.statement(table, Keyset(column, table.timestamp[:place]))
            remarks.append(
                f"OLD has no index on {column}: every run scans {rows:,} rows; in OLD's SQL editor, alone: "
                f"{statement}"
            )
    return replace(proposal, remarks=tuple(remarks))
