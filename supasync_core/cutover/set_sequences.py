"""NEW's sequences, set beyond the largest key over SQL where a person agrees; else the script is pasted."""

from typing import Final

from supasync_core.api.switch import Condition, Person
from supasync_core.project.migration import Migration
from supasync_core.project.sql_sessions import VARIABLES, sql_session
from supasync_core.schema.scripts import in_one_transaction

SEQUENCES: Final = "sequences"
"""The condition that is made to hold here; the others undo what was done for the sync, and wait for it."""
_QUESTION: Final = "Set these sequences of NEW beyond the largest key now? None is ever lowered"
WAY: Final = f"or write {VARIABLES['NEW']}, NEW's connection string, into .env: then cutover sets them itself"


def set_sequences(migration: Migration, person: Person, condition: Condition) -> bool | None:
    """Whether they were set; None where there is no script, or no connection for it.

    RefusedError where the connection string is of another project, or its user may not set them; StateError
    where it is of another database.
    """
    if condition.sql is None:
        return None
    with sql_session(migration, "NEW") as session:
        if session is None:
            return None
        if not person.confirm(f"{condition.text}. {_QUESTION}"):
            return False
        session.script(in_one_transaction(condition.sql))
    return True
