"""The cutover settings of tables.yaml: the app's .env, and commands of the user's own."""

from typing import Final

from supasync_core.config.declarations import Field, defaults_of
from supasync_core.config.document import Entry, Section
from supasync_core.config.read_settings import Reading
from supasync_core.config.value_kinds import text, texts
from supasync_core.model.settings import Cutover

CUTOVER: Final = (
    Field(
        name="env",
        parse=text,
        kind="path",
        doc="the app's .env, whose SUPABASE_URL names OLD until the switch; not the one beside tables.yaml",
    ),
    Field(
        name="steps",
        parse=texts,
        kind="command or list of commands",
        default="[]",
        doc="your own commands that `cutover` runs after the switch, in this order, each with consent",
    ),
)


def cutover(reading: Reading, entry: Entry | None) -> Cutover:
    """The cutover settings, empty where there are none; mistakes are reported."""
    if entry is None or not isinstance(entry.value, Section):
        return Cutover()
    entries = entry.value.entries
    values = {**defaults_of(CUTOVER), **reading.values(entry.value, entry.at, "cutover", CUTOVER)}
    if "env" not in values:
        return Cutover(steps=values["steps"])
    env = reading.folder / values["env"]
    if env.resolve() == (reading.folder / ".env").resolve():
        sentence = (
            "is the .env beside tables.yaml, where SUPABASE_URL is NEW already: name the app's own .env, and "
            "keep tables.yaml in another folder"
        )
        reading.problems.add(entries["env"].value.at, "cutover.env", sentence)
    return Cutover(env, values["steps"])
