"""Tables that are read as a whole by every run never cost more together than they may."""

from hypothesis import given, settings
from hypothesis import strategies as st

from supasync_core.init.choose_strategy import EGRESS, WHOLE, Proposal, ReadCost, cost_summary, within_budget
from supasync_core.model.table import Table

COSTS = st.lists(st.tuples(st.integers(0, EGRESS), st.booleans()), max_size=12)


@settings(deadline=None)
@given(COSTS)
def test_the_costliest_give_way_until_the_rest_is_affordable(costs: list[tuple[int, bool]]) -> None:
    found = [
        Proposal(
            table=Table(name=str(number), strategy="snapshot"),
            monthly=cost,
            instead=Proposal(table=Table(name=str(number), strategy="append")) if gives_way else None,
        )
        for number, (cost, gives_way) in enumerate(costs)
    ]
    kept = within_budget(found)
    assert [each.table.name for each in kept] == [each.table.name for each in found]
    left = [(was.monthly, was.instead) for was, each in zip(found, kept, strict=True) if was is each]
    gone = [was.monthly for was, each in zip(found, kept, strict=True) if was is not each]
    total = sum(cost for cost, _ in left)
    assert total <= EGRESS * WHOLE or not any(instead for _, instead in left)
    assert all(total + cost > EGRESS * WHOLE for cost in gone)
    assert all(cost <= min(gone) for cost, instead in left if gone and instead)
    assert (cost_summary(kept) is None) == (total == 0)


def test_a_snapshot_costs_its_bytes_in_each_of_720_runs_and_a_comparison_its_keys_in_each_of_30() -> None:
    rows = [{"id": "1", "text": "x" * 100}] * 10
    cost = ReadCost.of(Table(name="a", key=("id",)), rows, 1000, wire=1_000)
    assert cost.monthly == 100_000 * 720
    assert "72.0 MB of OLD's egress a month" in cost.of_snapshot
    assert cost.keys
    assert 20_000 < cost.keys < 40_000
    assert "egress" in cost.of_comparison
    files = ReadCost.of(Table(name="a"), rows, 1000, wire=None)
    assert (files.monthly, files.of_snapshot, files.of_comparison) == (0, "", "")
