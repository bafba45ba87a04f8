"""How much of each budget is used."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from supasync_core.api.state_store import Spending
from supasync_core.model import timestamps
from supasync_core.model.budget import Budgets, Share
from supasync_core.usage.spending import PROJECTS, Used, month_of, projected, since, used


def monthly(spent: Mapping[str, Used], budgets: Budgets) -> tuple[Share, ...]:
    """The shares of what is counted by the month, from what it has come to."""
    return tuple(
        Share(project=project, what=what, used=number, budget=budget)
        for project, sum_ in spent.items()
        for what, number, budget in (
            ("requests", sum_.requests, budgets.requests),
            ("egress", sum_.received, budgets.egress),
        )
    )


def shares(spendings: Sequence[Spending], budgets: Budgets, now: timestamps.Instant) -> tuple[Share, ...]:
    """All shares of both projects, with what the month will have come to at its end."""
    month = since(spendings, month_of(now)[0])
    found = []
    for project in PROJECTS:
        later = projected(spendings, project, now)
        requests, egress = monthly({project: used(month, project)}, budgets)
        sizes = [each.sizes[project] for each in spendings if project in each.sizes]
        found += [
            replace(requests, projected=later.requests if later else None),
            replace(egress, projected=later.received if later else None),
            Share(
                project=project, what="database", used=sizes[-1] if sizes else None, budget=budgets.database
            ),
        ]
    return tuple(found)
