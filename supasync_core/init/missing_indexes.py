"""Timestamps by which tables are to be read, and which have no index in OLD, where OLD tells."""

from collections.abc import Sequence
from dataclasses import replace

from supasync_core.api.backend import Source, Survey, Surveyed
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
    return [_remarked(each, survey) for each in proposals]


def _remarked(proposal: Proposal, survey: Survey) -> Proposal:
    names = proposal.table.timestamp
    keysets = [Keyset(column, names[:place]) for place, column in enumerate(names)]
    found = timestamp_index.missing(proposal.table, keysets, survey)
    return replace(proposal, remarks=(*proposal.remarks, *("; ".join(each) for each in found)))
