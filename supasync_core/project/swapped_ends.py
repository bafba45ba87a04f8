"""Two accounts that are swapped: OLD was filled from NEW."""

from supasync_core.model.errors import StateError, SupasyncError
from supasync_core.project.migration import Migration, store_of_source


def swapped(migration: Migration) -> StateError | None:
    """The error for a source whose own state names this sink as its source; None for any other."""
    store = store_of_source(migration)
    if store is None:
        return None
    try:
        state = store.past(1).state
    except SupasyncError:
        return None  # the usual case: OLD has no state of its own
    finally:
        store.close()
    if state is None or state.source != migration.settings.sink.ref:
        return None
    return StateError(
        f"OLD ({migration.source_ref}) was filled from NEW ({state.source}): the two accounts are swapped",
        hint="in .env, OLD_SUPABASE_* is the project that the app uses today, SUPABASE_* the new one",
    )
