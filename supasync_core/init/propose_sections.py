"""The sections of tables.yaml that plugins bring, as a first tables.yaml has them."""

from collections.abc import Callable, Mapping
from functools import partial

from supasync_core.api.plugin_fault import PluginFault, attempt
from supasync_core.api.plugin_host import Host
from supasync_core.api.run_step import ProposalContext
from supasync_core.model.cost import Ledger
from supasync_core.model.errors import SupasyncError
from supasync_core.project.project_api import api_by_name


def proposed(
    host: Host, environment: Mapping[str, str], ledger: Ledger, note: Callable[[str], None]
) -> list[str]:
    """A section for each step that OLD has something for; ``note`` is told what was not seen."""
    context = ProposalContext(environment=environment, api=partial(api_by_name, environment), ledger=ledger)
    found = []
    for name in host.steps:
        step, plugin = host.steps.get(name), host.owner(host.steps, name)
        try:
            text = attempt(
                plugin,
                f"failed to propose the section {name}",
                partial(step.propose, context),
                shows_message=False,
                passes=(SupasyncError,),
            )
        except SupasyncError as err:
            note(f"whether tables.yaml needs a section {name}: was not seen: {err.message}")
            continue
        if isinstance(text, PluginFault):
            note(text.sentence)
        elif text:
            found.append(text.strip())
    return found
